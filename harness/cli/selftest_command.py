"""`splitbrain selftest`."""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option

if TYPE_CHECKING:
    from harness.selftest import Clean, Hunt


_POSITIVE = click.IntRange(1)


@click.command("selftest")
@click.argument("targets", nargs=-1, metavar="[TARGET...]")
@click.option("--bug", "bugs", multiple=True, help="Only this bug. Repeatable.")
@click.option("--seeds", "seeds_max", type=_POSITIVE, default=50, show_default=True, help="Seeds a bug may take.")
@click.option("--clean-seeds", type=click.IntRange(0), default=10, show_default=True, help="Seeds of each clean store.")
@click.option("--repeat", type=_POSITIVE, default=1, show_default=True, help="Hunts per bug; the median is told.")
@click.option("--jobs", type=_POSITIVE, default=None, help="Processes.  [default: one a core]")
@json_option
def command(
    targets: tuple[str, ...],
    bugs: tuple[str, ...],
    seeds_max: int,
    clean_seeds: int,
    repeat: int,
    jobs: int | None,
    as_json: bool,
) -> int:
    """Hunt every planted bug, and try every unspoiled store: is each bug found, and nobody else blamed?

    Everything runs in the simulator. Exit code 1 when a bug was not found or an innocent store was blamed, 3 when too
    many runs had no answer.

    \b
    splitbrain selftest
    splitbrain selftest raft --clean-seeds 200
    """
    from harness import selftest
    from harness.cli import determinism
    from harness.selftest import Hunt

    determinism.pin_hashes()
    hunts: list[Hunt] = []
    cleans: list[Clean] = []
    for result in selftest.conduct(
        targets,
        seeds_max=seeds_max,
        clean_seeds=clean_seeds,
        repeats=repeat,
        workers=jobs or os.cpu_count() or 1,
        only_bugs=bugs,
    ):
        if isinstance(result, Hunt):
            hunts.append(result)
        else:
            cleans.append(result)
        if not as_json:
            _tell(result)
    rows, stores = _recall(hunts), _stores(cleans)
    if as_json:
        click.echo(json.dumps({"bugs": rows, "stores": stores, "exit_code": _exit_code(rows, stores)}))
    else:
        _show(rows, stores)
    return _exit_code(rows, stores)


def _recall(hunts: list[Hunt]) -> list[dict[str, Any]]:
    """A row a bug: how often and how soon it was found, and by what."""
    by_bug: dict[tuple[str, str], list[Hunt]] = {}
    for hunt in hunts:
        by_bug.setdefault((hunt.target, hunt.bug), []).append(hunt)
    rows = []
    for (target, bug), each in sorted(by_bug.items()):
        found = [hunt.found for hunt in each if hunt.found]
        first = min(found, key=lambda one: one.seed, default=None)
        rows.append(
            {
                "target": target,
                "bug": bug,
                "hunts": len(each),
                "found": len(found),
                "median_seeds": statistics.median(one.seeds for one in found) if found else None,
                "virtual_s": round(statistics.median(hunt.virtual_s for hunt in each), 1),
                "wall_s": round(statistics.median(hunt.wall_s for hunt in each), 2),
                "example": asdict(first) if first else None,
                "problem": next((hunt.problem for hunt in each if hunt.problem), ""),
            }
        )
    return rows


def _stores(cleans: list[Clean]) -> list[dict[str, Any]]:
    """A row a trial of an unspoiled store: how its runs ended, and why those that did not pass."""
    by_trial: dict[tuple[str, str], list[Clean]] = {}
    for clean in cleans:
        by_trial.setdefault((clean.target, clean.workload), []).append(clean)
    return [
        {
            "target": target,
            "workload": workload,
            "runs": len(each),
            **{verdict: sum(clean.verdict.value == verdict for clean in each) for verdict in _VERDICTS},
            "whys": sorted({f"seed {clean.seed}: {clean.why}" for clean in each if clean.why})[:5],
            "wall_s": round(statistics.median(clean.wall_s for clean in each), 2),
        }
        for (target, workload), each in sorted(by_trial.items())
    ]


_VERDICTS = ("pass", "fail", "inconclusive", "error")


def _exit_code(rows: list[dict[str, Any]], stores: list[dict[str, Any]]) -> int:
    from harness.selftest import INCONCLUSIVE_SHARE_MAX

    if any(row["found"] < row["hunts"] for row in rows) or any(store["fail"] for store in stores):
        return 1
    if any(store["error"] for store in stores):
        return 4
    runs = sum(store["runs"] for store in stores)
    unsure = sum(store["inconclusive"] for store in stores)
    return 3 if unsure > INCONCLUSIVE_SHARE_MAX * runs else 0


def _tell(result: Hunt | Clean) -> None:
    """One line at once for what should not be."""
    from harness.selftest import Hunt
    from harness.verdict import Verdict

    if isinstance(result, Hunt):
        if result.found is None:
            click.echo(f"NOT FOUND {result.target} {result.bug} in {result.seeds_max} seeds {result.problem}", err=True)
    elif result.verdict is not Verdict.PASS:
        which = f"{result.target} {result.workload} seed {result.seed}"
        click.echo(f"{result.verdict.value} {which}: {result.why}", err=True)


def _show(rows: list[dict[str, Any]], stores: list[dict[str, Any]]) -> None:
    from harness.cli import show

    out = show.console()
    if rows:
        table = show.table("store", "bug", "found", "seeds", "virtual s", "wall s", "faults", "workload", "found as")
        for row in rows:
            found = row["example"]
            table.add_row(
                row["target"],
                row["bug"],
                f"{row['found']}/{row['hunts']}",
                "-" if row["median_seeds"] is None else f"{row['median_seeds']:g}",
                f"{row['virtual_s']:g}",
                f"{row['wall_s']:g}",
                ", ".join(found["nemeses"]) if found else "-",
                found["workload"] if found else "-",
                show.plain(found["anomaly"]) if found else "not found",
            )
        out.print(table)
    if stores:
        table = show.table("store", "workload", "runs", *_VERDICTS, "wall s a run")
        for store in stores:
            counts = [str(store[verdict]) for verdict in _VERDICTS]
            table.add_row(store["target"], store["workload"], str(store["runs"]), *counts, f"{store['wall_s']:g}")
        out.print(table)
