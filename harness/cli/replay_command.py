"""`splitbrain replay`."""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import json_option, runs_option

if TYPE_CHECKING:
    from harness.history import History


@click.command("replay")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@runs_option
@json_option
def command(run: Path, runs_root: Path, as_json: bool) -> int:
    """Repeat RUN from its folder and say whether the history is identical.

    In the simulator it is, byte for byte, or something is wrong (exit code 4). Real clusters are repeated as closely
    as time allows.
    """
    from harness import plan as plans
    from harness.cli import show
    from harness.cli.live import Live
    from harness.experiment import resolve
    from harness.history import History
    from harness.run import execute
    from harness.runs import RunFolder
    from harness.verdict import Verdict

    folder = RunFolder.find(run)
    plan = plans.load(folder.plan)
    experiment = resolve(plan)
    original = History.read(folder.history)
    with Live(plan) as live:
        outcome = execute(experiment, runs_root, live)
    identical = outcome.history is not None and _same(original, outcome.history)
    simulated = plan.cluster.name == "sim"
    broken = [Verdict.ERROR] if simulated and not identical else []
    verdict = Verdict.worst([outcome.verdict, *broken])
    if as_json:
        click.echo(json.dumps(outcome.to_json() | {"identical": identical, "exit_code": verdict.exit_code}))
    else:
        show.outcome(outcome)
        real = "" if simulated else ": this cluster runs in real time"
        click.echo(f"  the history is {'identical' if identical else 'different'}{real}")
    return verdict.exit_code


def _same(one: History, other: History) -> bool:
    return all(a == b for a, b in zip_longest(one.text("jsonl"), other.text("jsonl")))
