"""What `splitbrain selftest` came to: its tables in Markdown, for documents, or as a page of their own.

A document has words of its own round the tables. So where a Markdown file holds the two marks below, what is between
them is replaced and all else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import RecordingError, UsageError
from reports.data import installed_version
from reports.html import Tile
from reports.page import render, write
from reports.text import clean, number, show

BEGIN, END = "<!-- selftest: made by splitbrain selftest --report -->", "<!-- selftest: end -->"

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~&])")


def write_selftest(path: Path, document: Mapping[str, Any]) -> Path:
    """Writes the tables to `path`, as Markdown if it ends in `.md`. `document` is what `selftest --json` prints.

    Raises `RecordingError` when the disk does not let it, and `UsageError` for a file that has one mark alone.
    """
    return write(path, _placed(path, markdown(document)) if path.suffix == ".md" else page(document))


def page(document: Mapping[str, Any]) -> str:
    """The page itself."""
    return render(
        "selftest.html.j2",
        footer=f"splitbrain {installed_version()} - selftest",
        verdict=document["verdict"],
        exit_code=document["exit_code"],
        told=document["told"],
        tiles=tiles(document),
        bugs=[(row, seeds(row)) for row in document["bugs"]],
        trials=document["stores"],
        whys=whys(document),
        version=installed_version(),
    )


def tiles(document: Mapping[str, Any]) -> list[Tile]:
    """The numbers that sum it up."""
    bugs, stores = document["bugs"], document["stores"]
    missed = sum(row["found"] < row["hunts"] for row in bugs)
    blamed = sum(row["fail"] for row in stores)
    return [
        Tile("bugs planted", f"{len(bugs):,}", f"{missed} missed" if missed else "every one found"),
        Tile("runs of unspoiled stores", f"{sum(row['runs'] for row in stores):,}", f"{blamed or 'none'} blamed"),
        Tile("took", f"{document['wall_s']:,g} s"),
    ]


def seeds(row: Mapping[str, Any]) -> str:
    """How many seeds it took; with several hunts the median, and how many of them found it."""
    if row["median_seeds"] is None:
        return "not found"
    once = f"{row['median_seeds']:g}"
    return once if row["hunts"] == 1 else f"{once} (found {row['found']} of {row['hunts']} times)"


def whys(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which runs were not as they should be, and why."""
    missed = [
        (f"{row['target']} {row['bug']}", f"not found in {row['hunts'] - row['found']} of {row['hunts']} hunts")
        for row in document["bugs"]
        if row["found"] < row["hunts"]
    ]
    trials = [(f"{row['target']} trial {row['trial']}", why) for row in document["stores"] for why in row["whys"]]
    return [*missed, *trials, *((one["name"], one["why"]) for one in document["lost"])]


def markdown(document: Mapping[str, Any]) -> str:
    """Both tables and a sentence, between the marks."""
    bugs = _table(
        ["store", "bug", "found by", "workload", "seeds", "virtual s", "wall s", "found as"],
        (
            [
                row["target"],
                row["bug"],
                ", ".join(row["example"]["nemeses"]) if row["example"] else "",
                row["example"]["workload"] if row["example"] else "",
                seeds(row),
                number(row["virtual_s"]),
                number(row["wall_s"]),
                row["example"]["anomaly"] if row["example"] else "",
            ]
            for row in document["bugs"]
        ),
    )
    trials = _table(
        ["store", "trial", "workload", "faults", "runs", "pass", "fail", "inconclusive", "error", "wall s a run"],
        (
            [
                *(row["target"], str(row["trial"]), row["workload"], ", ".join(row["nemeses"])),
                *(number(row[name]) for name in ("runs", "pass", "fail", "inconclusive", "error", "wall_s")),
            ]
            for row in document["stores"]
        ),
    )
    problems = [f"- {_cell(what)}: {_cell(why)}" for what, why in whys(document)]
    summary = f"**{document['verdict']}**: {document['told']}; {number(document['wall_s'])} s."
    return "\n\n".join([BEGIN, summary, *(["\n".join(problems)] if problems else []), bugs, trials, END]) + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([_cell(text) for text in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(text: str) -> str:
    """A text that Markdown takes for nothing but text, on one line."""
    return _SPECIAL.sub(r"\\\1", show(clean(text)))


def _placed(path: Path, tables: str) -> str:
    """The tables in place of those that the file holds; alone, if it holds none."""
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as problem:
        raise RecordingError(f"cannot read {path} to put the tables into it: {problem}") from problem
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin and END not in text:
        return tables if not text.strip() else f"{text.rstrip()}\n\n{tables}"
    if not begin or not end:
        raise UsageError(f"{path}: only one of the marks {BEGIN} and {END} is there, in this order: put both, or none")
    return before + tables.rstrip("\n") + after
