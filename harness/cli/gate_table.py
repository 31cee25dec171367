"""What `splitbrain gate` prints: a line for each case, then, for each that is broken, all that it takes to see why.

Lines, not a table's columns: the log of a CI job is no terminal, and a table folded to eighty columns is unreadable.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console

from harness.cli import show
from harness.verdict import Verdict


def show_answer(found: dict[str, Any]) -> None:
    """The cases, the counterexamples, what the baseline says, the sum."""
    out = show.console()
    width = max(len(case["name"]) for case in found["cases"])
    place = max(len(_where(case)) for case in found["cases"])
    for case in found["cases"]:
        mark = show.verdict(case["verdict"]) + " " * (len(Verdict.INCONCLUSIVE) - len(case["verdict"]))
        name, under = f"{show.plain(case['name']):{width}}", ", ".join(case["nemeses"]) or "no faults"
        where = f"{show.plain(_where(case)):{place}}"
        out.print(f"{mark}  {where}  {name}  ({show.plain(under)})  {show.plain(case['why'])}")
    for case in found["cases"]:
        if case["verdict"] == Verdict.FAIL.value and case["shown"]:
            _counterexample(out, case)
    for entry in found["baseline"]:
        where, what = f"{entry['file']}:{entry['line']}", f"{entry['claim']}, {entry['anomaly']}"
        out.print(f"{show.plain(where)}: {show.plain(what)}: {show.plain(entry['why'])}")
    counts = {name.value: sum(case["verdict"] == name.value for case in found["cases"]) for name in reversed(Verdict)}
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    out.print(f"{show.verdict(found['verdict'])}  {told}; {found['runs']} runs in {found['seconds']:.1f} s")


def _counterexample(out: Console, case: dict[str, Any]) -> None:
    shown = case["shown"]
    out.print(
        f"\n{show.plain(_where(case))}: [bold]{show.plain(case['name'])}[/] is broken: {show.plain(shown['anomaly'])}"
    )
    out.print(f"  {show.plain(shown['message'])}")
    for line in shown["witness"]:
        out.print(f"    {show.plain(line)}")
    out.print(f"  again:  {show.plain(shown['command'])}")
    if shown["run"]:
        out.print(f"  report: {show.plain(shown['run'])}/report.html")


def _where(case: dict[str, Any]) -> str:
    return f"{case['file']}:{case['line']}"
