"""`splitbrain compare`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option, plan_from, plan_options, runs_option

if TYPE_CHECKING:
    from harness.experiment import Experiment
    from harness.plan import Plan


@click.command("compare")
@click.argument("targets", nargs=-1, metavar="TARGET...")
@click.option("--all", "everybody", is_flag=True, help="Every installed target that runs in the simulator, in order.")
@plan_options
@click.option("--jobs", type=click.IntRange(1), help="Simulated runs at once.  [default: one a core]")
@click.option(
    "--markdown",
    "markdown_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the table into this file, too; in place, if it has the table already.",
)
@runs_option
@json_option
def command(
    targets: tuple[str, ...],
    everybody: bool,
    plan_file: Path | None,
    jobs: int | None,
    markdown_file: Path | None,
    runs_root: Path,
    as_json: bool,
    **given: Any,
) -> int:
    """Test several TARGETs under the same load and faults, and show side by side what each gave up.

    Without --workload or --plan, each target has the workload that it names first. Measures, so it passes whatever the
    answers are; exit code 4 when a target could not be measured.

    \b
    splitbrain compare raft multi-leader --nemesis partition --time 60s --seed 7
    splitbrain compare --all --nemesis partition --time 30s --seed 7
    """
    from harness import comparison, plugins
    from harness.cli import cap_table
    from harness.errors import UsageError
    from harness.experiment import admit, resolve
    from harness.verdict import Verdict

    if everybody == bool(targets):
        raise UsageError("compare takes the names of targets, or --all" + (", not both" if targets else ""))
    names = list(dict.fromkeys(targets)) or comparison.everybody()
    if given["seed"] is None:
        given["seed"] = plan_from(names[0], plan_file, given).seed
    plans = [_plan(name, plan_file, given) for name in names]
    experiments = [resolve(plan) for plan in plans]
    for experiment in experiments:
        admit(experiment)
    measured = _measure(experiments, runs_root, jobs or os.cpu_count() or 1)
    if everybody:
        measured = dict(sorted(measured.items(), key=lambda item: comparison.rank(item[1])))
    page = plugins.load("outputs", "compare")(measured, runs_root)
    caption = _caption(plans)
    if markdown_file is not None:
        cap_table.write_markdown(markdown_file, measured, caption)
    if as_json:
        click.echo(json.dumps({"targets": measured, "seed": plans[0].seed, "report": str(page)}))
    else:
        _show(measured, caption, page)
    return max((Verdict.ERROR.exit_code for column in measured.values() if column["problem"]), default=0)


def _plan(target: str, plan_file: Path | None, given: Mapping[str, Any]) -> Plan:
    from harness import comparison

    words = dict(given)
    if words["workload"] is None and plan_file is None:
        words["workload"] = comparison.best_workload(target)
    return plan_from(target, plan_file, words)


def _measure(experiments: Sequence[Experiment], runs_root: Path, jobs: int) -> dict[str, dict[str, Any]]:
    """Simulated runs side by side, since time in them does not pass by the machine's clock; others one by one."""
    from harness import comparison, parallel
    from harness.cli.live import Live, Overview
    from harness.run import execute

    if jobs == 1 or len(experiments) == 1 or experiments[0].plan.cluster.name != "sim":
        measured = {}
        for experiment in experiments:
            with Live(experiment.plan) as live:
                measured[experiment.plan.target.name] = comparison.columns(execute(experiment, runs_root, live))
        return measured
    plans = {experiment.plan.target.name: experiment.plan for experiment in experiments}
    with Overview(list(plans)) as live:
        tasks = [parallel.Task(name, comparison.measured, (plan, runs_root)) for name, plan in plans.items()]
        return dict(parallel.spread(tasks, jobs, live.hear, live.done))


def _caption(plans: Sequence[Plan]) -> str:
    plan = plans[0]
    workloads = ", ".join(dict.fromkeys(each.workload.name for each in plans))
    faults = ", ".join(plan.families) or "none"
    return (
        f"{workloads} on {plan.cluster.name}, {plan.nodes} nodes, {plan.time:g} s, faults: {faults}, seed {plan.seed}"
    )


def _show(measured: Mapping[str, Mapping[str, Any]], caption: str, page: Path) -> None:
    from harness.cli import cap_table, show

    out = show.console()
    out.print(show.plain(caption))
    if len(measured) <= cap_table.TARGETS_ACROSS_MAX:
        tables = [(["", *measured], cap_table.across(measured))]
    else:  # two tables, since one is wider than most terminals
        tables = [(cap_table.heads(measured, part), cap_table.down(measured, part)) for part in cap_table.PARTS]
    for heads, rows in tables:
        table = show.table(*map(show.plain, heads))
        for row in rows:
            table.add_row(*map(show.plain, row))
        out.print(table)
        out.print()
    for target, column in measured.items():
        if column["summary"]:
            out.print(show.plain(column["summary"]))
        if column["problem"]:
            out.print(f"{show.plain(target)}: {show.plain(column['problem'])}")
    for cells, names, why in cap_table.unmeasured(measured):
        out.print(f"not measured: {show.plain(cells)} of {show.plain(names)}: {show.plain(why)}", style="dim")
    out.print(show.plain(page), style="dim")
