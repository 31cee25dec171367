"""`splitbrain selftest`."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import json_option

if TYPE_CHECKING:
    from harness.scorecard import Scorecard


_POSITIVE = click.IntRange(1)


@click.command("selftest")
@click.argument("targets", nargs=-1, metavar="[TARGET...]")
@click.option("--bug", "bugs", multiple=True, help="Only this bug. Repeatable.")
@click.option(
    "--seeds", "seeds_max", type=click.IntRange(1, 1000), default=50, show_default=True, help="Seeds a bug may take."
)
@click.option("--clean-seeds", type=click.IntRange(0), default=10, show_default=True, help="Seeds of each clean store.")
@click.option(
    "--repeat",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Hunts per bug, 0 for none; the median is told.",
)
@click.option("--jobs", type=_POSITIVE, default=None, help="Processes.  [default: one a core]")
@click.option(
    "--report",
    "pages",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the tables to this file: Markdown if it ends in .md, else a page in HTML. Repeatable.",
)
@json_option
def command(
    targets: tuple[str, ...],
    bugs: tuple[str, ...],
    seeds_max: int,
    clean_seeds: int,
    repeat: int,
    jobs: int | None,
    pages: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Hunt every planted bug, and try every unspoiled store: is each bug found, and nobody else blamed?

    Everything runs in the simulator, on all cores. Exit code 1 when a bug was not found or an unspoiled store was
    blamed, else 4 when a run or a process broke, else 3 when more than 2 % of the runs of unspoiled stores had no
    answer, else 0. Ctrl-C ends it with 130, and leaves nothing behind.

    \b
    splitbrain selftest
    splitbrain selftest raft --repeat 0 --clean-seeds 200
    splitbrain selftest --repeat 20 --report docs/selftest.md --report selftest.html
    """
    from harness import plugins, selftest
    from harness.cli.progress import Progress
    from harness.scorecard import Scorecard

    began = time.monotonic()
    tasks = selftest.tasks(targets, seeds_max=seeds_max, clean_seeds=clean_seeds, repeats=repeat, only_bugs=bugs)
    results = []
    progress = Progress(tasks)
    with progress.shown(), closing(selftest.conduct(tasks, jobs or len(os.sched_getaffinity(0)))) as conducted:
        for result in conducted:
            results.append(result)
            progress.take(result)
    card = Scorecard.of(results, time.monotonic() - began)
    if as_json:
        click.echo(json.dumps(card.to_json()))
    else:
        _show(card)
    for page in pages:
        plugins.load("outputs", "selftest")(page, card.to_json())
        click.echo(f"splitbrain: the tables are in {page}", err=True)
    return card.verdict.exit_code


def _show(card: Scorecard) -> None:
    from harness.cli import show

    out = show.console()
    if not out.is_terminal:
        out.width = 200  # a log has no width, and folded columns cannot be searched
    if card.bugs:
        table = show.table("store", "bug", "found", "seeds", "virtual s", "wall s", "faults", "workload", "found as")
        for row in card.bugs:
            one = row.example
            table.add_row(
                show.plain(row.target),
                show.plain(row.bug),
                f"{row.found}/{row.hunts}",
                "-" if row.median_seeds is None else f"{row.median_seeds:g}",
                f"{row.virtual_s:g}",
                f"{row.wall_s:g}",
                show.plain(", ".join(one.nemeses)) if one else "-",
                show.plain(one.workload) if one else "-",
                show.plain(one.anomaly) if one else "not found",
            )
        out.print(table)
    if card.trials:
        verdicts = list(card.trials[0].verdicts)
        table = show.table("store", "trial", "workload", "faults", "runs", *verdicts, "wall s a run")
        for trial in card.trials:
            table.add_row(
                show.plain(trial.target),
                str(trial.trial),
                show.plain(trial.workload),
                show.plain(", ".join(trial.nemeses)),
                str(trial.runs),
                *(str(trial.verdicts[verdict]) for verdict in verdicts),
                f"{trial.wall_s:g}",
            )
        out.print(table)
    for lost in card.lost:
        out.print(f"broken: {show.plain(lost.name)}: {show.plain(lost.why)}")
    out.print(f"{show.verdict(card.verdict.value)}  {card.told()}; {card.wall_s:g} s")
