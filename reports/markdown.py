"""Markdown of a gate's answer: for a job's summary, or a comment on a change.

Everything that a target may have said stands in code, where Markdown reads nothing but the end of the code; tables are
kept whole by escaping what would end a cell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reports.text import clean

CHARS_MAX = 900_000
"""GitHub takes a summary of one MiB."""

_MARKS = {"fail": "❌", "error": "⚠️", "inconclusive": "❔", "pass": "✅"}
"""Worst first."""


def markdown(answer: Mapping[str, Any]) -> str:
    """The text, for the document of `harness.gate.answer`."""
    cases = answer["cases"]
    counts = {name: sum(case["verdict"] == name for case in cases) for name in _MARKS}
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    lines = [
        f"## {_MARKS[answer['verdict']]} splitbrain: {answer['verdict']}",
        "",
        f"{told}; {answer['runs']} runs in {answer['seconds']:.0f} s, from {_code(answer['file'])}",
        "",
        "| claim | target | under | verdict | on what evidence |",
        "| --- | --- | --- | --- | --- |",
        *map(_row, sorted(cases, key=lambda case: list(_MARKS).index(case["verdict"]))),
        "",
    ]
    for case in cases:
        if case["verdict"] == "fail":
            lines += _counterexample(case)
    stale = [entry for entry in answer["baseline"] if entry["state"] != "shown"]
    lines += ["### The baseline", "", *map(_entry, stale), ""] if stale else []
    text = "\n".join(lines)
    return text if len(text) <= CHARS_MAX else text[:CHARS_MAX] + "\n\n(cut: the JSON has all of it)\n"


def _row(case: Mapping[str, Any]) -> str:
    known = " (known)" if case["known"] else ""
    cells = [
        f"{_code(case['name'])}",
        _code(case["target"]),
        ", ".join(case["nemeses"]) or "no faults",
        f"{_MARKS[case['verdict']]} {case['verdict']}{known}",
        _cell(case["why"]),
    ]
    return "| " + " | ".join(cells) + " |"


def _counterexample(case: Mapping[str, Any]) -> list[str]:
    shown = case["shown"]
    return [
        f"<details><summary>{_html(case['name'])}: {_html(shown['anomaly'])}</summary>",
        "",
        *_fenced([f"{case['file']}:{case['line']}", shown["message"], *shown["witness"]]),
        "",
        "Again:",
        "",
        *_fenced([shown["command"]], "sh"),
        "",
        "</details>",
        "",
    ]


def _entry(entry: Mapping[str, Any]) -> str:
    where = f"{entry['file']}:{entry['line']}"
    return f"- {_code(where)} {_code(entry['claim'])}, {_code(entry['anomaly'])}: {_cell(entry['why'])}"


def _fenced(lines: list[str], language: str = "") -> list[str]:
    """A block of code whose fence is longer than any in it."""
    texts = [clean(line).replace("\n", " ") for line in lines]
    longest = max((len(run) for text in texts for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, *texts, fence]


def _code(text: str) -> str:
    return "`" + _flat(text).replace("`", "'").replace("|", "\\|") + "`"


def _cell(text: str) -> str:
    """Plain words: what Markdown or HTML would read is escaped."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&@-])", r"\\\1", _flat(text))


def _flat(text: str) -> str:
    return clean(text, 600).replace("\n", " ").replace("\r", " ")


def _html(text: str) -> str:
    return _flat(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
