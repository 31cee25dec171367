"""`splitbrain campaign`."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option, runs_option

if TYPE_CHECKING:
    from harness.campaign.menu import Menu

RUNS = 100
"""How many runs a call makes when nothing says when to end."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


@click.command("campaign")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option(
    "--seeds",
    "runs_max",
    type=click.IntRange(1),
    help=f"How many seeds, each of which is one run.  [default: {RUNS}, or what --budget allows]",
)
@click.option("--budget", help="Wall time after which no run is begun, such as 8h.  [default: none]")
@click.option("--workload", "workloads", help="Only these, separated by commas.  [default: all that the target has]")
@click.option(
    "--nemesis",
    "nemeses",
    help="Only these faults, separated by commas; also packages, or 'none'.  [default: all under which it promises "
    "something]",
)
@click.option("--cluster", default="sim", show_default=True, help="Where the nodes live: sim, process, docker.")
@click.option("--nodes", type=click.IntRange(1, 100), help="How many nodes.  [default: 3 or 5, drawn]")
@click.option("--time", "time_text", help="How long each load lasts.  [default: as the target's own trials; 30s]")
@click.option("--bug", help="Plant this bug in the target, see `splitbrain list bugs`.")
@click.option("--from-seed", type=click.IntRange(0), help="The first seed.  [default: after the last; 1]")
@click.option("--name", help="Which campaign to begin, or to go on with.  [default: its targets]")
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one a core]")
@click.option(
    "--keep", type=click.Choice(["failures", "all"]), default="failures", show_default=True, help="Which runs are kept."
)
@runs_option
@json_option
def command(targets: tuple[str, ...], runs_root: Path, as_json: bool, **given: Any) -> int:
    """Keep testing TARGETs with ever new seeds and random mixes of their workloads and faults: the nightly job.

    Each seed is one run. Failing runs are kept; of every run a line is kept, and the next call goes on after the last.
    Tells each distinct failure once, and how sure every promise is. The exit code is that of this call's runs: a claim
    that no run broke and some run kept, passes.

    \b
    splitbrain campaign raft --seeds 500
    splitbrain campaign etcd --cluster docker --budget 8h --time 60s --name nightly
    splitbrain campaign raft paxos --nemesis partition,kill --json
    """
    from harness.campaign import conduct, findings
    from harness.campaign.record import Recorder
    from harness.cli import campaign_table
    from harness.cli.campaign_progress import CampaignProgress
    from harness.errors import HarnessError
    from harness.gate.trial import Keep
    from harness.units import duration_s

    budget_s = float("inf") if given["budget"] is None else duration_s(given["budget"])
    runs_max = given["runs_max"] or (RUNS if given["budget"] is None else float("inf"))
    name = _name(targets, given)
    menus = _menus(targets, given)
    settings = conduct.Settings(
        runs_root=runs_root,
        workers=given["jobs"] or len(os.sched_getaffinity(0)),
        runs_max=runs_max,
        budget_s=budget_s,
        keeping=Keep(given["keep"]),
    )
    began, ending = time.monotonic(), None
    with Recorder(runs_root, name) as recorder:
        before = recorder.read()
        first = next(before.seeds(given["from_seed"]))
        call = {"at_s": round(time.time(), 3), "targets": list(targets), "bounds": menus[0].bounds.to_json()}
        from_seed = given["from_seed"] if given["from_seed"] is not None else first
        recorder.append({"call": {**call, "from_seed": from_seed}})
        try:
            with CampaignProgress(name, runs_max, budget_s) as progress:
                conduct.conduct(menus, before.seeds(from_seed), recorder, settings, progress.watch)
        except (KeyboardInterrupt, HarnessError) as stop:
            ending = stop
        record = recorder.read()
    missing = {menu.target.name: menu.missing for menu in menus}
    found = findings.document(name, record, len(record.calls) - 1, time.monotonic() - began, missing)
    if as_json:
        click.echo(json.dumps(found))
    else:
        campaign_table.show_answer(found, runs_root)
    if ending is not None:
        if found["verdict"] != "fail":
            raise ending
        click.echo(f"splitbrain: ended early: {ending or 'interrupted'}", err=True)
    return int(found["exit_code"])


def _name(targets: Sequence[str], given: dict[str, Any]) -> str:
    from harness.errors import UsageError

    name = given["name"] or re.sub(r"[^A-Za-z0-9._+-]+", "_", "+".join((*targets, given["bug"] or ""))).strip("+._-")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"--name {name!r}: write up to 100 letters, digits and . _ + -, beginning with one of the first"
        )
    return str(name)


def _menus(targets: Sequence[str], given: dict[str, Any]) -> list[Menu]:
    """What can be drawn for each target. Raises `UsageError` for mistakes, and for what cannot run on this machine."""
    from harness.campaign.draw import draw
    from harness.campaign.menu import Bounds, menu
    from harness.errors import UsageError
    from harness.experiment import admit, resolve
    from harness.plan import Part
    from harness.units import duration_s

    if given["bug"] is not None and len(targets) > 1:
        raise UsageError("--bug needs one TARGET to plant it in, not several")
    if given["cluster"] == "ssh":
        raise UsageError("a campaign names no machines: use --cluster sim, process or docker, or `splitbrain gate`")
    time_s = None if given["time_text"] is None else duration_s(given["time_text"])
    if time_s is not None and time_s < 1:
        raise UsageError(f"--time {given['time_text']}: a load of less than 1s has no room for faults")
    families = None if given["nemeses"] is None else tuple(one for one in _words(given["nemeses"]) if one != "none")
    bounds = Bounds(given["cluster"], _words(given["workloads"] or ""), families, given["nodes"], time_s)
    options = {} if given["bug"] is None else {"bug": given["bug"]}
    menus = [menu(Part(name=target, options=options), bounds) for target in dict.fromkeys(targets)]
    for one in menus:
        admit(resolve(draw(one, 0)))
    return menus


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
