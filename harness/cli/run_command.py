"""`splitbrain run`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from harness.cli.options import json_option, plan_from, plan_options, runs_option


@click.command("run")
@click.argument("target", required=False)
@plan_options
@click.option(
    "--stop-on-violation",
    is_flag=True,
    default=None,
    help="End the load at the first violation of a claim that can be judged while it runs.",
)
@runs_option
@json_option
def command(target: str | None, plan_file: Path | None, runs_root: Path, as_json: bool, **given: Any) -> int:
    """Test TARGET and judge its promises; the exit code is the verdict's.

    \b
    splitbrain run raft --nemesis partition,kill,pause,clock --time 60s --seed 7
    splitbrain run multi-leader --nemesis partition --expect linearizable
    splitbrain run --plan plan.yaml
    """
    if target is not None and plan_file is None and given["workload"] is None:
        given["workload"] = _usual_workload(target)
    plan = plan_from(target, plan_file, given)

    from harness.cli import show
    from harness.cli.live import Live
    from harness.experiment import resolve
    from harness.run import execute

    experiment = resolve(plan)
    with Live(experiment.plan) as live:
        outcome = execute(experiment, runs_root, live)
    if as_json:
        click.echo(json.dumps(outcome.to_json()))
    else:
        show.outcome(outcome)
        if stopped := outcome.stats.get("stopped"):
            click.echo(f"  the load was ended after {stopped['event']:,} events: {stopped['claim']} was violated")
    return outcome.verdict.exit_code


def _usual_workload(target: str) -> str:
    """`register`, or, of a target that has no client for it, the workload that it names first."""
    from harness.experiment import make
    from harness.plan import Part, Plan

    workloads: Sequence[str] = make("targets", Part(name=target)).workloads
    usual: str = Plan.model_fields["workload"].default.name
    return usual if usual in workloads or not workloads else workloads[0]
