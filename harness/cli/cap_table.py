"""What `compare` measured as a table: on a terminal, with as many columns as it has room for, and in Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.tradeoff import turned_away

Column = Mapping[str, Any]

TARGETS_ACROSS_MAX = 4
"""With more targets than this, each has a row instead of a column."""

BEGIN, END = "<!-- compare: table -->", "<!-- compare: end -->"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every target: in a sentence, as the head of a narrow column, and the answer. `part` is the table
    it stands in where each target has a row, None for neither."""

    words: str
    head: str
    part: str | None
    answer: Callable[[Column], str]


PARTS = ("consistency", "availability")

QUESTIONS = (
    Question("strongest model not refuted", "strongest model", "consistency", lambda column: _model(column)),
    Question("violation found", "violation", None, lambda column: _violation(column)),
    Question("stalest read", "stalest read", "consistency", lambda column: _stalest(column)),
    Question("converged after healing, within", "converged", "consistency", lambda column: _converged(column)),
    Question("acknowledged writes lost", "lost", "consistency", lambda column: _count(column["lost_writes"])),
    Question("answered on the majority side", "majority", "availability", lambda column: _side(column, "majority")),
    Question("answered on the minority side", "minority", "availability", lambda column: _side(column, "minority")),
    Question(
        "latency in ms without faults, p50 / p99", "calm ms", "availability", lambda column: _latency(column, "calm")
    ),
    Question(
        "latency in ms during faults, p50 / p99", "faults ms", "availability", lambda column: _latency(column, "faults")
    ),
    Question("recovery after healing, at most", "recovery", "availability", lambda column: _recovery(column)),
)
"""Asked of every target."""


def across(columns: Mapping[str, Column]) -> list[list[str]]:
    """Rows of a table with a column for each target, the question before them."""
    rows = [[one.words, *map(one.answer, columns.values())] for one in QUESTIONS]
    rows += [
        [f"{noun} refused or left unanswered", *(_turned_away(column, noun) for column in columns.values())]
        for noun in _named(columns, "refusals")
    ]
    rows += [
        [words, *(_count(column["figures"].get(words)) for column in columns.values())]
        for words in _named(columns, "figures")
    ]
    return [*rows, ["its own claims", *(column["verdict"] for column in columns.values())]]


def unmeasured(columns: Mapping[str, Column]) -> list[tuple[str, str, str]]:
    """Which cells of which targets stayed empty, and why: what is so for the same reason is told once."""
    told: dict[tuple[str, str], list[str]] = {}
    for target, column in columns.items():
        cells: dict[str, list[str]] = {}
        for cell, why in column["unmeasured"].items():
            cells.setdefault(why, []).append(cell)
        for why, empty in cells.items():
            told.setdefault((", ".join(empty), why), []).append(target)
    return [(cells, ", ".join(targets), why) for (cells, why), targets in told.items()]


def heads(columns: Mapping[str, Column], *parts: str) -> list[str]:
    """The heads of the table that `down` gives the rows of."""
    asked = [one.head for one in QUESTIONS if one.part in parts]
    refusals = [f"{noun} not served" for noun in _of_all(columns, "refusals", "availability" in parts)]
    return ["target", *asked, *refusals, *_of_all(columns, "figures", "consistency" in parts), "claims"]


def down(columns: Mapping[str, Column], *parts: str) -> list[list[str]]:
    """Rows of a table with a row for each target, with the questions of these parts."""
    refusals = _of_all(columns, "refusals", "availability" in parts)
    figures = _of_all(columns, "figures", "consistency" in parts)
    return [
        [
            target,
            *(one.answer(column) for one in QUESTIONS if one.part in parts),
            *(_turned_away(column, noun) for noun in refusals),
            *(_count(column["figures"].get(words)) for words in figures),
            column["verdict"],
        ]
        for target, column in columns.items()
    ]


def _named(columns: Mapping[str, Column], field: str) -> list[str]:
    """What workloads count under that field, each once."""
    return list(dict.fromkeys(name for column in columns.values() for name in column[field]))


def _of_all(columns: Mapping[str, Column], field: str, asked: bool) -> list[str]:
    """The same where all targets have one workload: else a column would speak of few of the rows."""
    one_workload = len({column["workload"] for column in columns.values()}) == 1
    return _named(columns, field) if asked and one_workload else []


def markdown(columns: Mapping[str, Column], caption: str) -> str:
    """The table with a row for each target, as Markdown."""
    head = heads(columns, *PARTS)
    rows = [head, ["---"] * len(head), *down(columns, *PARTS)]
    return "\n".join([caption, "", *("| " + " | ".join(map(_cell, row)) + " |" for row in rows), ""])


def write_markdown(file: Path, columns: Mapping[str, Column], caption: str) -> None:
    """Puts the table between the marks in a file that has them (`BEGIN`, `END`), or makes the file of it alone. Raises
    `UsageError` for a file that has no marks: what somebody wrote there is not overwritten."""
    text = f"{BEGIN}\n{markdown(columns, caption)}{END}\n"
    try:
        if file.exists():
            before, found, rest = file.read_text(encoding="utf-8").partition(f"{BEGIN}\n")
            _, closed, after = rest.partition(f"{END}\n")
            if not (found and closed):
                raise UsageError(f"{file} has no lines {BEGIN} and {END} for the table to stand between: add them")
            text = before + text + after
        file.write_text(text, encoding="utf-8")
    except (OSError, UnicodeError) as problem:
        raise UsageError(f"--markdown {file}: {problem}") from problem


_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#&])")


def _cell(text: str) -> str:
    return text if text == "---" else _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _model(column: Column) -> str:
    if column["strongest_model"] is None:
        return "none"
    unsure = "?" if column["undecided"] else ""
    return f"{column['strongest_model']}{unsure} ({column['workload']})"


def _violation(column: Column) -> str:
    return column["violation"]["type"] if column["violation"] else "none"


def _stalest(column: Column) -> str:
    return _duration(column["staleness_ms"], 1e-3, "never stale")


def _recovery(column: Column) -> str:
    return _duration(column["recovery_s"], 1)


def _side(column: Column, side: str) -> str:
    share = column["availability"][side]
    return "not measured" if share is None else f"{100 * share:.1f} %"


def _latency(column: Column, period: str) -> str:
    found = column["latency_ms"][period]
    if found["p50"] is None:
        return "not measured"
    return f"{_three(found['p50'])} / {_three(found['p99'])}"


def _converged(column: Column) -> str:
    return "never" if column["converged"] is False else _duration(column["convergence_s"], 1)


def _duration(number: float | None, unit_s: float, nothing: str = "at once") -> str:
    if number is None:
        return "not measured"
    if not number:
        return nothing
    seconds = number * unit_s
    return f"{_three(seconds * 1e3)} ms" if seconds < 0.9995 else f"{_three(seconds)} s"


def _three(number: float) -> str:
    return f"{number:,.{2 if number < 9.995 else 1 if number < 99.95 else 0}f}"


def _turned_away(column: Column, noun: str) -> str:
    counts = column["refusals"].get(noun)
    return "not measured" if counts is None else turned_away(counts)


def _count(number: int | None) -> str:
    return "not measured" if number is None else f"{number:,}"
