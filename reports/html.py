"""The report of one run: what a person opens first when a run is done.

In the order of their questions: did it hold? what broke, and how exactly? what was promised, and on what evidence was
it judged? what happened over time, and under which faults? how do I run it again?
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml
from markupsafe import escape

from harness.answers import client_answers
from harness.runs import RunFolder
from harness.verdict import Verdict
from reports import figures, lanes
from reports.backdrop import OUTCOME_LOOKS, Backdrop
from reports.clocks import clock_offsets
from reports.counterexample import counterexample
from reports.data import ClaimRecord, FaultRecord, RunData
from reports.operations import OPS_MAX, Violation, operations
from reports.page import REPORT, render, write
from reports.series import Series, series
from reports.surroundings import surroundings
from reports.text import clean, count, duration, flatten, number, percent, show
from reports.whom import whom

ANOMALIES_DRAWN_MAX = 8
FAULTS_MAX = 2000
PLAN_CHARS_MAX = 100_000


def write_report(folder: Path, *, embed_ops_max: int = OPS_MAX) -> Path:
    """Writes `report.html` into a run's folder, from the files in it, and returns its path. Of more operations than
    `embed_ops_max` the timeline has those near the violations.

    Raises `UsageError` when the folder holds no finished run, `RecordingError` when the disk does not let it.
    """
    return save(RunData.load(folder), RunFolder(folder).report, embed_ops_max=embed_ops_max)


def save(run: RunData, path: Path, *, embed_ops_max: int = OPS_MAX) -> Path:
    """Writes the report of a run: one HTML file that needs nothing else."""
    return write(path, report(run, embed_ops_max=embed_ops_max))


def report(run: RunData, *, embed_ops_max: int = OPS_MAX) -> str:
    """The page itself."""
    answers = client_answers(run.history)
    counted = series(run.history, run.faults, answers=answers)
    back = Backdrop.of(counted, run.faults)
    charts = [figures.throughput(counted, back), figures.latency(counted, back), lanes.service(counted, back)]
    if run.faults:
        charts.insert(0, lanes.fault_lanes(back))
    if clocks := clock_offsets(back):
        charts.append(clocks)
    anomalies = run.anomalies
    shown = [
        (claim, counterexample(run.history, anomaly, run.faults, f"violation-{position}"))
        for position, (claim, anomaly) in enumerate(anomalies[:ANOMALIES_DRAWN_MAX], 1)
    ]
    marks = [
        Violation(f"violation-{position}" if position <= len(shown) else None, one.type, one.key, one.message, one.ops)
        for position, (_, one) in enumerate(anomalies, 1)
    ]
    return render(
        "report.html.j2",
        shell=REPORT,
        timeline=operations(run.history, answers, back, marks, ops_max=embed_ops_max),
        footer=f"splitbrain {run.version} - {run.target} - {run.run}",
        run=run,
        headline=headline(run),
        tiles=tiles(run, counted),
        series=counted,
        outcomes=OUTCOME_LOOKS,
        back=back,
        figures=charts,
        violations=shown,
        around={example.id: surroundings(run, example, back) for _, example in shown},
        unheard=run.messages.why,
        violation_ids={(c.anomaly.type, c.anomaly.key, c.anomaly.ops): c.id for _, c in shown},
        undrawn=len(anomalies) - len(shown),
        faults=sorted(run.faults, key=lambda fault: fault.start_ns)[:FAULTS_MAX],
        faults_left_out=max(len(run.faults) - FAULTS_MAX, 0),
        regimes=["", *back.families],
        expectation=expectation,
        coverage=coverage,
        whom=whom,
        drawn=drawn,
        gap=gap,
        plan=escape(clean(run.plan, PLAN_CHARS_MAX)),
        stats=flatten(run.stats),
        flatten=flatten,
    )


def headline(run: RunData) -> str:
    """The verdict in a sentence."""
    target = show(run.target, 80)
    verdicts = Counter(claim.verdict for claim in run.claims)
    promises = count(len(run.claims), "promise")
    match run.verdict:
        case Verdict.PASS:
            return f"{target} kept {'its promise' if len(run.claims) == 1 else f'all {promises}'}"
        case Verdict.FAIL:
            return (
                f"{target} broke {'its promise' if len(run.claims) == 1 else f'{verdicts[Verdict.FAIL]} of {promises}'}"
            )
        case Verdict.INCONCLUSIVE:
            return f"Not proven: {verdicts[Verdict.INCONCLUSIVE]} of {promises} could not be judged"
        case _:
            return f"The harness failed before {target} could be judged"


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the banner."""

    name: str
    value: str
    note: str = ""


def tiles(run: RunData, counted: Series) -> list[Tile]:
    """The few numbers that say what this verdict rests on."""
    ok, refused, _, info = counted.total
    families = Counter(fault.family for fault in run.faults if fault.applied)
    applied = sum(families.values())
    held = sum(claim.verdict is Verdict.PASS for claim in run.claims)
    p50, p99 = (counted.overall.p50, counted.overall.p99) if counted.overall else (None, None)
    return [
        Tile("promises kept", f"{held} of {len(run.claims)}"),
        Tile(
            "operations",
            f"{counted.ops:,}",
            f"{percent((ok + refused) / counted.ops) if counted.ops else '–'} answered",
        ),
        Tile("outcome unknown", f"{info:,}", "may or may not have happened" if info else "every answer is known"),
        Tile(
            "latency p50",
            duration(p50),
            f"p99 {duration(p99)}",
        ),
        Tile(
            "faults applied",
            f"{applied} of {len(run.faults)}" if run.faults else "none",
            ", ".join(f"{number} {show(family, 40)}" for family, number in families.most_common()),
        ),
    ]


def expectation(claim: ClaimRecord) -> str:
    """What was expected, in the form of a claims file."""
    if isinstance(claim.expect, str):
        return claim.expect
    return show(
        yaml.safe_dump(claim.expect, default_flow_style=True, width=10_000, sort_keys=False)
        .strip()
        .removesuffix("...")
        .strip()
    )


def coverage(claim: ClaimRecord) -> list[tuple[str, str]]:
    """The evidence a claim rests on, as pairs of what and how much: per family of faults where the run says so, else
    as it was recorded.
    """
    found = claim.coverage
    if not isinstance(found, dict):
        return [] if found is None else [("coverage", show(found))]
    families = found.get("families")
    if not isinstance(families, dict):
        return flatten({name: value for name, value in found.items() if name not in ("complete", "why")})
    rows = [("operations", f"{number(found.get('ok_ops', 0))} ok of {number(found.get('ops', 0))}")]
    for family, one in families.items():
        if isinstance(one, dict):
            tried = sum(one.get(status, 0) for status in ("applied", "skipped", "indeterminate"))
            inside = f"{number(one.get('ok_ops', 0))} ok of {number(one.get('ops', 0))} operations inside"
            rows.append(
                (show(family, 60), f"{number(one.get('applied', 0))} of {count(tried, 'fault')} applied, {inside}")
            )
    return rows


def gap(claim: ClaimRecord) -> str:
    """Why the evidence does not suffice, as the run recorded it; empty when it does, or when `why` says it already."""
    why = claim.coverage.get("why") if isinstance(claim.coverage, dict) else ""
    return "" if not why or str(why) in claim.why else str(why)


def drawn(fault: FaultRecord) -> str:
    """What the schedule chose, but for the seeds it drew, which tell a reader nothing."""
    return ", ".join(f"{name} {value}" for name, value in flatten(fault.draw, 12) if name != "seed")
