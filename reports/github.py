"""What a GitHub job is told: annotations at the claims' lines, the job's summary, the step's outputs.

The workflow commands' escapes are GitHub's own: `%`, CR and LF in messages, `:` and `,` in properties too. About ten
annotations of a step are shown, so the worst come first and one more says how many there are.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reports.markdown import markdown
from reports.text import clean

ANNOTATIONS_MAX = 9
_KINDS = {"fail": "error", "error": "error", "inconclusive": "warning"}


def tell(answer: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Prints annotations to standard error, where they do not mix with what `--json` prints, and appends to the files
    that the job names in its environment."""
    for line in commands(answer):
        sys.stderr.write(line + "\n")
    if summary := environment.get("GITHUB_STEP_SUMMARY"):
        _append(Path(summary), markdown(answer) + "\n")
    if outputs := environment.get("GITHUB_OUTPUT"):
        _append(Path(outputs), f"verdict={answer['verdict']}\nexit-code={answer['exit_code']}\n")


def commands(answer: Mapping[str, Any]) -> list[str]:
    """The workflow commands, worst first."""
    broken = [case for case in answer["cases"] if case["verdict"] in _KINDS]
    broken.sort(key=lambda case: list(_KINDS).index(case["verdict"]))
    lines = [_annotation(case) for case in broken[:ANNOTATIONS_MAX]]
    if len(broken) > ANNOTATIONS_MAX:
        lines.append(f"::warning title=splitbrain::and {len(broken) - ANNOTATIONS_MAX} more claims did not pass")
    stale = [entry for entry in answer["baseline"] if entry["state"] in ("absent", "expired", "unknown")]
    lines += [
        f"::notice file={_property(entry['file'])},line={entry['line']},title=baseline::"
        + _data(f"{entry['claim']}, {entry['anomaly']}: {entry['why']}")
        for entry in stale[:ANNOTATIONS_MAX]
    ]
    return lines


def _annotation(case: Mapping[str, Any]) -> str:
    title = f"{case['name']}: {case['shown']['anomaly'] if case['shown'] else case['verdict']}"
    place = f"file={_property(case['file'])},line={case['line']},endLine={case['line']}"
    text = case["why"] + (f"\n\nAgain: {case['shown']['command']}" if case["verdict"] == "fail" else "")
    return f"::{_KINDS[case['verdict']]} {place},title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    return clean(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
