"""What Markdown says that can be held to: commands with the exit codes and outputs told of them, files, and links.

- A block of `sh` is a command. Its exit code is 0, unless a comment before the block says otherwise, which no reader
  sees: `<!-- exits 1 -->`. One that takes long, or needs more than the simulator, is left out: `<!-- not run: why -->`.
- A block of `text` is what the command before it printed, shortened.
- A block of `yaml` whose first line is a comment with a file's name, `# cuts.yaml`, is that file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"```(\w*)\s*$")
EXITS = re.compile(r"<!-- exits (\d+) -->$")
NOT_RUN = re.compile(r"<!-- not run: .+ -->$")
NAMED = re.compile(r"# ([\w.-]+\.yaml)$")
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
NOT_NOTHING = rf"(?!0\b(?!\.\d*[1-9])){NUMBER.pattern}"


@dataclass(slots=True)
class Command:
    """A block of shell commands in `file`, and the lines that its output is told to have."""

    file: Path
    line: int
    script: str
    exits: int = 0
    run: bool = True
    told: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Document:
    """A Markdown file: its commands in order, and the files that it asks its reader to write, by name."""

    commands: list[Command]
    files: dict[str, str]


def read(file: Path) -> Document:
    """The commands and files of one document."""
    document = Document([], {})
    mark = ""
    for line, kind, text in _pieces(file.read_text(encoding="utf-8")):
        if kind is None:
            mark = text if text.startswith("<!--") else mark if not text else ""
            continue
        first = text.partition("\n")[0]
        if kind == "sh":
            exits = EXITS.match(mark)
            command = Command(file, line, text, int(exits[1]) if exits else 0, not NOT_RUN.match(mark))
            document.commands.append(command)
        elif kind == "text" and document.commands:
            document.commands[-1].told += [spaced(told.strip()) for told in text.splitlines() if told.strip()]
        elif kind == "yaml" and (named := NAMED.match(first)):
            document.files[named[1]] = text
        mark = ""
    return document


def _pieces(text: str) -> Iterator[tuple[int, str | None, str]]:
    """Lines of prose, of kind None, and blocks with the language that they name; each with its line."""
    kind, begun, block = None, 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if kind is not None and fence:
            yield begun, kind, "\n".join(block) + "\n"
            kind, block = None, []
        elif kind is not None:
            block.append(line)
        elif fence:
            kind, begun = fence[1], number
        else:
            yield number, None, line.strip()


def links(file: Path) -> list[str]:
    """Where a document's links lead, but for those out of the repository."""
    prose = "\n".join(text for _, kind, text in _pieces(file.read_text(encoding="utf-8")) if kind is None)
    return [link for link in LINK.findall(prose) if "://" not in link]


def anchors(file: Path) -> set[str]:
    """The fragments by which a document's headings are linked to."""
    lines = (text for _, kind, text in _pieces(file.read_text(encoding="utf-8")) if kind is None)
    heads = (re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()) for line in lines if line.startswith("#"))
    return {head.replace(" ", "-") for head in heads}


def pattern(told: str) -> re.Pattern[str]:
    """What a line of output has to contain to be the one that is told: the same words, and anything in place of `…`.

    Numbers may be others, since another version of a store has another history under the same seed, but for those that
    are the point: 0 stays 0 and 100 stays 100, and no other number may become 0.
    """
    return re.compile(r".*?".join(_with_numbers(part) for part in told.split("…")))


def spaced(line: str) -> str:
    """A line with one space where it has several: columns are as wide as what is in them."""
    return re.sub(r" +", " ", line)


def _with_numbers(words: str) -> str:
    made, end = "", 0
    for number in NUMBER.finditer(words):
        fixed = float(number[0].replace(",", "")) in (0, 100)
        made += re.escape(words[end : number.start()])
        made += (
            rf"(?<![\d.,]){re.escape(number[0])}(?![\d.,]*\d)" if fixed else r"(?!0\b(?!\.\d*[1-9]))\d[\d,]*(?:\.\d+)?"
        )
        end = number.end()
    return made + re.escape(words[end:])
