"""`splitbrain shrink`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option, runs_option

if TYPE_CHECKING:
    from harness.plan import Plan
    from harness.shrink import Limits


@click.command("shrink")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--claim", help="Which of the promises that it broke.  [default: the first]")
@click.option("--tries", type=click.IntRange(1), default=200, show_default=True, help="How many runs at most.")
@click.option("--budget", default="2m", show_default=True, help="Wall time after which no try is begun.")
@runs_option
@json_option
def command(run: Path, claim: str | None, tries: int, budget: str, runs_root: Path, as_json: bool) -> int:
    """Look for a smaller run that breaks the same promise as the failed RUN: with fewer faults, less time, nodes,
    clients and keys. The smallest is made, kept and told; its plan.yaml holds what the failure needs.

    Only runs of the simulator can be shrunk. The exit code is that of the smallest run: 1, as it fails.

    \b
    splitbrain shrink runs/raft/20261126T120000-7
    splitbrain shrink runs/raft/20261126T120000-7 --claim raft-register-linearizable --budget 10m
    """
    from harness import shrink as shrinking
    from harness.cli import show
    from harness.cli.live import Live
    from harness.cli.shrink_progress import ShrinkProgress
    from harness.errors import HarnessError
    from harness.experiment import resolve
    from harness.run import execute
    from harness.runs import RunFolder
    from harness.units import duration_s
    from harness.verdict import Verdict

    plan = shrinking.aim(RunFolder.find(run), claim)
    limits = shrinking.Limits(tries, duration_s(budget))
    with ShrinkProgress(limits) as progress, shrinking.tries(progress.tell) as failing:
        smallest = shrinking.shrink(plan, failing, limits)
    with Live(smallest) as live:
        outcome = execute(resolve(smallest), runs_root, live)
    if outcome.verdict is not Verdict.FAIL:
        raise HarnessError(
            f"{run} did not break {plan.expect[0]!r} when it was repeated: {outcome.folder.path} is {outcome.verdict}; "
            "splitbrain replay says whether the history is the same"
        )
    if as_json:
        click.echo(json.dumps(outcome.to_json() | {"shrunk": _document(plan, smallest, limits)}))
    else:
        show.outcome(outcome)
        for line in _lines(plan, smallest, limits):
            click.echo(f"  {line}")
    return outcome.verdict.exit_code


def _document(plan: Plan, smallest: Plan, limits: Limits) -> dict[str, Any]:
    return {"tries": limits.made, "stopped": limits.reached, "from": _sizes(plan), "to": _sizes(smallest)}


def _sizes(plan: Plan) -> dict[str, Any]:
    return {
        "faults": list(plan.faults) if plan.faults or not plan.nemeses else "all",
        "time_s": plan.time,
        "nodes": plan.nodes,
        "concurrency": plan.concurrency,
        "keys": plan.workload.options.get("keys"),
    }


def _lines(plan: Plan, smallest: Plan, limits: Limits) -> list[str]:
    """What became smaller, a line each, and how that was found."""
    before, after = _sizes(plan), _sizes(smallest)
    faults = after["faults"]
    lines = [f"faults       {'all' if faults == 'all' else ', '.join(faults) or 'none: it takes none'}"]
    for name, key, unit in (
        ("time", "time_s", " s"),
        ("nodes", "nodes", ""),
        ("clients", "concurrency", ""),
        ("keys", "keys", ""),
    ):
        if before[key] is not None:
            was, now = (f"{value:g}{unit}" for value in (before[key], after[key]))
            lines.append(f"{name:<12} {now}" + (f", was {was}" if was != now else ""))
    ended = "; more tries or time may find a smaller one" if limits.reached else ""
    return [*lines, f"smallest of {limits.made} tries{ended}"]
