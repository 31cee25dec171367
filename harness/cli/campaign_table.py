"""What `splitbrain campaign` prints: each distinct failure, how sure each promise is, what was mixed, the sum.

Lines where there is a sentence to tell, as of a gate; columns where there are numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from harness.cli import show
from harness.verdict import Verdict

EARLIER_MAX = 20


def show_answer(found: dict[str, Any], runs_root: Path) -> None:
    """The whole answer, the sum last."""
    out = show.console()
    if not out.is_terminal:
        out.width = 200  # a log has no width, and folded columns cannot be searched
    for failure in found["failures"]:
        if failure["here"]:
            _failure(out, failure, runs_root)
    earlier = [failure for failure in found["failures"] if not failure["here"]]
    for failure in earlier[:EARLIER_MAX]:
        out.print(f"not seen this time: {_named(failure)}: {_times(failure['times'])} before")
    for problem in found["problems"]:
        out.print(
            f"the harness failed: {show.plain(problem['target'])}, seed {problem['seed']}: {show.plain(problem['why'])}"
        )
    if found["claims"]:
        _claims(out, found)
    _coverage(out, found)
    _sum(out, found)


def _failure(out: Console, failure: dict[str, Any], runs_root: Path) -> None:
    new = "new, " if failure["new"] else ""
    before = failure["times"] - failure["here"]
    times = _times(failure["here"]) + (f", {before} before" if before else "")
    out.print(f"{show.verdict('fail')}  {_named(failure)}: {new}{times}, first with seed {failure['first_seed']}")
    out.print(f"  {show.plain(failure['message'])}")
    under = ", ".join(failure["nemeses"]) or "no faults"
    out.print(f"  smallest: seed {failure['seed']} under {show.plain(under)}")
    if failure["command"]:
        out.print(f"  again:    {show.plain(failure['command'])}")
    if failure["run"]:
        out.print(f"  report:   {show.plain(runs_root / failure['run'])}/report.html")
    out.print()


def _named(failure: dict[str, Any]) -> str:
    words = (failure["target"], failure["claim"], failure["anomaly"], failure["workload"])
    target, claim, anomaly, workload = map(show.plain, words)
    return f"[bold]{target}: {claim}[/]: {anomaly} in {workload}"


def _claims(out: Console, found: dict[str, Any]) -> None:
    table = show.table("verdict", "target", "claim", "runs", "clean", "violated", "no answer", "how sure")
    for claim in found["claims"]:
        table.add_row(
            show.verdict(claim["verdict"]) if claim["verdict"] else "-",
            show.plain(claim["target"]),
            show.plain(claim["claim"]),
            *(str(claim[name]) for name in ("runs", "clean", "violated", "unanswered")),
            show.plain(claim["sure"]),
        )
    out.print(table)
    for limit in found["limits"]:
        shown = f"shown in {limit['shown']} of {_runs(limit['runs'])}"
        out.print(f"known limit  {show.plain(limit['target'])}: {show.plain(limit['claim'])}: {shown}")


def _coverage(out: Console, found: dict[str, Any]) -> None:
    mixed = found["coverage"]
    workloads = ", ".join(f"{show.plain(name)} {runs}" for name, runs in mixed["workloads"].items())
    faults = ", ".join(f"{show.plain(name)} {one['applied']}/{one['runs']}" for name, one in mixed["faults"].items())
    nodes = ", ".join(f"{nodes} in {runs}" for nodes, runs in mixed["nodes"].items())
    out.print(f"workloads  {workloads or 'none'}")
    out.print(f"faults     {faults or 'none'}  (runs in which it was in force, of those that asked for it)")
    out.print(f"nodes      {nodes or 'none'};  {mixed['mixes']} different mixes of workload and faults")
    for one in found["untried"]:
        out.print(f"not tried  {show.plain(one['target'])}: {show.plain(one['family'])}: {show.plain(one['why'])}")


def _sum(out: Console, found: dict[str, Any]) -> None:
    told = ", ".join(
        f"{found['verdicts'][one.value]} {one.value}" for one in reversed(Verdict) if found["verdicts"][one.value]
    )
    seen = [failure for failure in found["failures"] if failure["here"]]
    new = sum(failure["new"] for failure in seen)
    failures = f"; {len(seen)} distinct failure{'s' if len(seen) != 1 else ''}, {new} new" if seen else ""
    total = found["total"]
    before = f"; {_runs(total['runs'])} in {total['calls']} calls" if total["calls"] > 1 else ""
    torn = f"; {found['torn']} lines of the record could not be read" if found["torn"] else ""
    counted = f"{_runs(found['runs'])}{told and ': '}{told} in {found['seconds']:.1f} s"
    out.print(
        f"{show.verdict(found['verdict'])}  campaign {show.plain(found['name'])}: {counted}{failures}{before}{torn}"
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
