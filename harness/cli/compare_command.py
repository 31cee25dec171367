"""`splitbrain compare`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option, plan_from, plan_options, runs_option

if TYPE_CHECKING:
    from harness.plan import Plan
    from harness.run import Outcome


@click.command("compare")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@plan_options
@runs_option
@json_option
def command(targets: tuple[str, ...], plan_file: Path | None, runs_root: Path, as_json: bool, **given: Any) -> int:
    """Test several TARGETs under the same load and faults, and show side by side what each gave up.

    Measures, so it passes whatever the answers are; exit code 4 when a target could not be measured.

    \b
    splitbrain compare raft multi-leader --nemesis partition --time 60s --seed 7
    """
    from harness import plugins
    from harness.cli import determinism
    from harness.comparison import columns
    from harness.experiment import admit, resolve
    from harness.verdict import Verdict

    if given["seed"] is None:
        given["seed"] = plan_from(targets[0], plan_file, given).seed
    plans = [plan_from(target, plan_file, given) for target in dict.fromkeys(targets)]
    determinism.pin(plans[0])
    experiments = [resolve(plan) for plan in plans]
    for experiment in experiments:
        admit(experiment)
    outcomes = [_run(experiment, runs_root) for experiment in experiments]
    measured = {outcome.experiment.plan.target.name: columns(outcome) for outcome in outcomes}
    page = plugins.load("reports", "compare")(measured, runs_root)
    if as_json:
        click.echo(json.dumps({"targets": measured, "seed": plans[0].seed, "report": str(page)}))
    else:
        _show(measured, plans[0], page)
    return max((Verdict.ERROR.exit_code for outcome in outcomes if outcome.problem), default=0)


def _run(experiment: Any, runs_root: Path) -> Outcome:
    from harness.cli.live import Live
    from harness.run import execute

    plan = experiment.plan
    with Live(plan) as live:
        return execute(experiment, runs_root, live)


_ROWS: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("strongest model not refuted", lambda column: column["strongest_model"] or "none"),
    ("violation found", lambda column: column["violation"]["type"] if column["violation"] else "none"),
    ("answered on the majority side", lambda column: _share(column["availability"]["majority"])),
    ("answered on the minority side", lambda column: _share(column["availability"]["minority"])),
    ("recovery after healing, at most", lambda column: _number(column["recovery_s"], "s")),
    ("stalest read", lambda column: _number(column["staleness_ms"], "ms")),
    ("acknowledged writes lost", lambda column: _number(column["lost_writes"], "")),
)


def _show(measured: dict[str, dict[str, Any]], plan: Plan, page: Path) -> None:
    from harness.cli import show
    from harness.tradeoff import turned_away

    out = show.console()
    out.print(
        f"{plan.workload.name} on {plan.cluster.name}, {plan.nodes} nodes, "
        f"faults: {', '.join(plan.families) or 'none'}, seed {plan.seed}"
    )
    table = show.table("", *(show.plain(target) for target in measured))
    for title, cell in _ROWS:
        table.add_row(title, *(show.plain(cell(column)) for column in measured.values()))
    for noun in dict.fromkeys(noun for column in measured.values() for noun in column["refusals"]):
        counts = (column["refusals"].get(noun) for column in measured.values())
        cells = ("not measured" if one is None else turned_away(one) for one in counts)
        table.add_row(show.plain(f"{noun} refused or left unanswered"), *cells)
    for words in dict.fromkeys(words for column in measured.values() for words in column["figures"]):
        numbers = (_number(column["figures"].get(words), "") for column in measured.values())
        table.add_row(show.plain(words), *map(show.plain, numbers))
    table.add_row("its own claims", *(show.plain(column["verdict"]) for column in measured.values()))
    out.print(table)
    for target, column in measured.items():
        if column["summary"]:
            out.print(show.plain(column["summary"]))
        if column["problem"]:
            out.print(f"{show.plain(target)}: {show.plain(column['problem'])}")
    out.print(show.plain(page), style="dim")


def _share(share: float | None) -> str:
    return "not measured" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "not measured"
    return f"{value:,} {unit}".strip() if isinstance(value, int) else f"{value:,.4g} {unit}"
