"""Several targets under the same faults, side by side: what each gave up, and what for.

When a network splits, a store can answer on both sides and risk disagreeing, or keep one truth and leave somebody
waiting. The page shows for every target which it did, as it was measured: nothing here goes by what a target calls
itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.errors import UsageError
from harness.tradeoff import turned_away
from reports import figures, lanes
from reports.backdrop import Backdrop
from reports.data import RunData
from reports.html import save
from reports.page import render, write
from reports.series import Series, series
from reports.text import count, neutral, percent, show

AVAILABLE_MIN = 0.9
"""From this share of answered operations on both sides a target counts as available under partition."""

DIFFERENCE_MIN = 0.1
"""From this difference on, the shares answered of reads and of writes are told apart."""

CONSISTENT = ("strict serializable", "linearizable", "serializable")
"""Models that no store can promise to both sides of a partition while answering both. The theorem's C is
linearizability (Gilbert and Lynch, SIGACT News 2002); serializability is as far from always available (Bailis et al.,
"Highly Available Transactions", VLDB 2014)."""

TARGETS_ACROSS_MAX = 4
"""With more targets than this, each has a row instead of a column."""

QUESTIONS = (
    ("stance", "Chose, when the network split", "Chose"),
    ("model", "Strongest model not refuted", "Strongest model"),
    ("violation", "Violation found", ""),
    ("majority", "Answered on the majority side, during partitions", "Answered, majority"),
    ("minority", "Answered on the minority side, during partitions", "Answered, minority"),
    ("calm", "Latency without faults, median and p99", "Latency, calm"),
    ("faults", "Latency during faults, median and p99", "Latency, faults"),
    ("stalest", "Stalest read", "Stalest read"),
    ("converged", "Converged after healing, within", "Converged"),
    ("lost", "Acknowledged writes lost", "Writes lost"),
    ("recovery", "Recovery after healing, at most", "Recovery"),
)
"""What is asked of every target: a name for the template, the words of a row, and the head of a narrow column (none:
it has no room)."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


Latency = tuple[float, float]
"""Median and 99th percentile, in milliseconds."""


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One target's column. None means that it could not be measured, or that nothing of the kind was found.

    `strongest_model` is the strongest that was not refuted on `workload` (`undecided`: why no more can be said of it),
    `violation` the worst found. The availabilities are shares (0..1) of the operations answered during partitions on
    that side, `by_f` the same of each kind of operation; `calm_ms` and `faults_ms` are median and 99th percentile of
    the latency without and with a fault in force; `recovery_s` is the longest time from a heal until service was back,
    `convergence_s` until no read missed what was known before it, `converged` False when nodes differ in the end;
    `staleness_ms` how old the stalest read was; `lost_writes` how many acknowledged writes vanished;
    `refusals` what was not served of what was asked for (`harness.tradeoff`); `figures` what the
    workload's own checkers counted, by words for a reader. `unmeasured` says why a number is missing. `report` is the
    path of the run's own report, relative to the page; `run` is None when nothing was recorded: `problem` says why.
    """

    target: str
    verdict: str
    run: RunData | None = None
    strongest_model: str | None = None
    violation_type: str | None = None
    violation: str = ""
    available_majority: float | None = None
    available_minority: float | None = None
    by_f: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    calm_ms: Latency | None = None
    faults_ms: Latency | None = None
    recovery_s: float | None = None
    convergence_s: float | None = None
    converged: bool | None = None
    staleness_ms: float | None = None
    lost_writes: int | None = None
    refusals: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    figures: Mapping[str, int | None] = field(default_factory=dict)
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    workload: str = ""
    undecided: str = ""
    report: str | None = None
    problem: str = ""

    @classmethod
    def of(cls, target: str, column: Mapping[str, Any], folder: Path) -> ComparisonRow:
        """From what `compare --json` prints of a target. `folder` is where the page will be."""
        violation, available = column.get("violation") or {}, column.get("availability") or {}
        run, report, problem = _run(Path(str(column.get("run"))), folder)
        latency = column.get("latency_ms") or {}
        return cls(
            target,
            str(column.get("verdict")),
            run,
            strongest_model=column.get("strongest_model"),
            violation_type=violation.get("type"),
            violation=str(violation.get("message") or ""),
            available_majority=available.get("majority"),
            available_minority=available.get("minority"),
            by_f=column.get("availability_by_f") or {},
            calm_ms=_latency(latency.get("calm")),
            faults_ms=_latency(latency.get("faults")),
            recovery_s=column.get("recovery_s"),
            convergence_s=column.get("convergence_s"),
            converged=column.get("converged"),
            staleness_ms=column.get("staleness_ms"),
            lost_writes=column.get("lost_writes"),
            refusals=column.get("refusals") or {},
            figures=column.get("figures") or {},
            unmeasured=column.get("unmeasured") or {},
            workload=str(column.get("workload") or ""),
            undecided=str(column.get("undecided") or ""),
            report=report,
            problem=str(column.get("problem") or problem),
        )

    def differing(self, side: str) -> Mapping[str, float]:
        """The share answered there of each kind of operation; empty where all fared about alike."""
        shares = self.by_f.get(side, {})
        return shares if shares and max(shares.values()) - min(shares.values()) >= DIFFERENCE_MIN else {}

    @property
    def stance(self) -> str | None:
        """`CP`, `AP`, `neither`, or None when no partition decided it."""
        if self.available_minority is None:
            return None
        majority = 1.0 if self.available_majority is None else self.available_majority
        available = min(majority, self.available_minority) >= AVAILABLE_MIN
        consistent = self.strongest_model in CONSISTENT
        if available and consistent:
            return None  # nobody can be both: the partition did not part clients from the data they asked for
        return "CP" if consistent else "AP" if available else "neither"


def _latency(found: Mapping[str, float | None] | None) -> Latency | None:
    p50, p99 = (found or {}).get("p50"), (found or {}).get("p99")
    return None if p50 is None or p99 is None else (p50, p99)


def _run(path: Path, folder: Path) -> tuple[RunData | None, str | None, str]:
    """A run, the way to its report (written now if it has none), and what is wrong with it."""
    try:
        run = RunData.load(path)
    except UsageError as problem:
        return None, None, str(problem)
    page = path / "report.html"
    if not page.exists():
        save(run, page)
    return run, os.path.relpath(page, folder), run.problem


def write_comparison(measured: Mapping[str, Mapping[str, Any]], folder: Path) -> Path:
    """Writes a comparison into a folder and returns its path; `measured` is `targets` of what `compare --json` prints.

    The page is named after targets and seed. Raises `RecordingError` when the disk does not let it.
    """
    rows = [ComparisonRow.of(target, column, folder) for target, column in measured.items()]
    seeds = {f"-{row.run.seed}" for row in rows if row.run}
    name = "-".join(["compare", *(_UNSAFE.sub("_", target) for target in measured)])[:120]
    return write(folder / f"{name}{min(seeds, default='')}.html", comparison(rows))


def comparison(rows: Sequence[ComparisonRow]) -> str:
    """The page itself. The charts of all targets share their scales, so that heights may be compared."""
    runs = [row.run for row in rows if row.run]
    back, panels = side_by_side(runs)
    return render(
        "compare.html.j2",
        footer=f"splitbrain - {' - '.join(row.target for row in rows)}",
        rows=rows,
        questions=QUESTIONS,
        across=len(rows) <= TARGETS_ACROSS_MAX,
        workloads=list(dict.fromkeys(run.workload for run in runs)),
        refusals=_shared(rows, lambda row: row.refusals),
        turned_away=turned_away,
        figures=_shared(rows, lambda row: row.figures),
        runs=runs,
        sentences=[sentence(row) for row in rows],
        back=back,
        panels=[(run.target, drawn) for run, drawn in panels],
        legend={words: key for _, drawn in panels for one in drawn for key, words in one.legend},
        link=link,
        stances=_stances(rows),
        same_faults=len({(tuple(sorted(run.nemeses)), run.seed) for run in runs}) == 1,
    )


def side_by_side(runs: Sequence[RunData]) -> tuple[Backdrop | None, list[tuple[RunData, list[figures.Figure]]]]:
    """The charts of several runs on the same scales, and the backdrop they share; None of no run at all."""
    counted = [series(run.history, run.faults) for run in runs]
    width_ns = max((one.width_ns for one in counted), default=1)
    counted = [
        one if one.width_ns == width_ns else series(run.history, run.faults, width_ns=width_ns)
        for run, one in zip(runs, counted, strict=True)
    ]
    if not counted:
        return None, []
    faults = [fault for run in runs for fault in run.faults]
    back = Backdrop.of(counted[0], faults, max(one.span_ns for one in counted))
    pairs = enumerate(zip(runs, counted, strict=True))
    return back, [(run, _panel(run, one, position, counted, back)) for position, (run, one) in pairs]


def _panel(run: RunData, one: Series, position: int, every: Sequence[Series], shared: Backdrop) -> list[figures.Figure]:
    back = Backdrop(shared.time, run.faults, shared.families, one.phases.get("heal"))
    high = max(figures.peak_rate(other) for other in every)
    drawn = [
        figures.throughput(one, back, f"throughput-{position}", height=110, high=high),
        figures.latency(one, back, f"latency-{position}", height=100, bounds=figures.latency_bounds(every)),
        lanes.service(one, back, f"service-{position}"),
    ]
    return [lanes.fault_lanes(back, f"lanes-{position}"), *drawn] if shared.families else drawn


def _shared(rows: Sequence[ComparisonRow], names: Callable[[ComparisonRow], Iterable[str]]) -> list[str]:
    """What workloads count: many targets with workloads of their own would leave most of such a column empty."""
    if len(rows) > TARGETS_ACROSS_MAX and len({row.workload for row in rows}) > 1:
        return []
    return list(dict.fromkeys(name for row in rows for name in names(row)))


STANCES = {
    "CP": "kept one truth, and left somebody waiting",
    "AP": "answered everybody, and disagreed for a while",
    "neither": "gave up some of both",
}


def _stances(rows: Sequence[ComparisonRow]) -> list[tuple[str, str, list[str]]]:
    """Each label with what it means and who has it; the last, without a label, are those undecided."""
    found = [(name, words, [row.target for row in rows if row.stance == name]) for name, words in STANCES.items()]
    found.append(("", "were not told apart by these faults", [row.target for row in rows if row.stance is None]))
    return [one for one in found if one[2]]


def link(report: str) -> str:
    """A relative path as a safe address: whatever it holds, it can name neither another scheme nor another host."""
    return "./" + quote(neutral(report).lstrip("/"), safe="/._-~")


def sentence(row: ComparisonRow) -> str:
    """What happened to a target."""
    target, minority = show(row.target, 80), row.available_minority
    answered = f"answered {percent(minority)} of what the minority side asked during partitions"
    if row.run is None:
        return f"{target} could not be measured: {show(row.problem, 400) or 'nothing was recorded'}"
    if row.violation_type is None:
        kept = f"stayed {show(row.strongest_model, 80)}" if row.strongest_model else "showed no violation"
        return f"{target} {kept}." if minority is None else f"{target} {kept}, and {answered}."
    costs = [f"returned reads up to {row.staleness_ms:,.0f} ms stale"] if row.staleness_ms else []
    costs += [f"lost {count(row.lost_writes, 'acknowledged write')}"] if row.lost_writes else []
    cost = " and ".join(costs) or f"was caught in a violation ({show(row.violation_type, 80)})"
    return f"{target} {cost}." if minority is None else f"{target} {answered}, and {cost}."
