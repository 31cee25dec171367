"""Several targets under the same faults, side by side: what each gave up, and what for.

When a network splits, a store can answer on both sides and risk disagreeing, or keep one truth and leave somebody
waiting. The page shows for every target which it did, as it was measured: nothing here goes by what a target calls
itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
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
"""From this share of answered operations on the minority side a target counts as available under partition."""

CONSISTENT = ("linearizable", "strict-serializable", "strong-session-serializable", "serializable", "sequential")
"""Models that no store can promise to both sides of a partition while answering both."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One target's column. None means that it could not be measured, or that nothing of the kind was found.

    `strongest_model` is the strongest that was not refuted, `violation` the worst found. The availabilities are
    shares (0..1) of the operations answered during partitions on that side; `recovery_s` is the longest time from a
    heal until service was back; `staleness_ms` how old the stalest read was; `lost_writes` how many acknowledged
    writes vanished; `refusals` what was not served of what was asked for (`harness.tradeoff`); `figures` what the
    workload's own checkers counted, by words for a reader. `report` is the path of
    the run's own report, relative to the page; `run` is None when nothing was recorded, `problem` then says why.
    """

    target: str
    verdict: str
    run: RunData | None = None
    strongest_model: str | None = None
    violation_type: str | None = None
    violation: str = ""
    available_majority: float | None = None
    available_minority: float | None = None
    recovery_s: float | None = None
    staleness_ms: float | None = None
    lost_writes: int | None = None
    refusals: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    figures: Mapping[str, int | None] = field(default_factory=dict)
    report: str | None = None
    problem: str = ""

    @classmethod
    def of(cls, target: str, column: Mapping[str, Any], folder: Path) -> ComparisonRow:
        """From what `compare --json` prints of a target. `folder` is where the page will be."""
        violation, available = column.get("violation") or {}, column.get("availability") or {}
        run, report, problem = _run(Path(str(column.get("run"))), folder)
        return cls(
            target,
            str(column.get("verdict")),
            run,
            column.get("strongest_model"),
            violation.get("type"),
            str(violation.get("message") or ""),
            available.get("majority"),
            available.get("minority"),
            column.get("recovery_s"),
            column.get("staleness_ms"),
            column.get("lost_writes"),
            column.get("refusals") or {},
            column.get("figures") or {},
            report,
            str(column.get("problem") or problem),
        )

    @property
    def stance(self) -> str | None:
        """`CP`, `AP`, `neither`, or None when no partition decided it."""
        if self.available_minority is None:
            return None
        available, consistent = self.available_minority >= AVAILABLE_MIN, self.strongest_model in CONSISTENT
        if available and consistent:
            return None  # nobody can be both: the partition did not part clients from the data they asked for
        return "CP" if consistent else "AP" if available else "neither"


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
    counted = [series(run.history, run.faults) for run in runs]
    width_ns = max((one.width_ns for one in counted), default=1)
    counted = [
        one if one.width_ns == width_ns else series(run.history, run.faults, width_ns=width_ns)
        for run, one in zip(runs, counted, strict=True)
    ]
    faults = [fault for run in runs for fault in run.faults]
    span_ns = max((one.span_ns for one in counted), default=1)
    back = Backdrop.of(counted[0], faults, span_ns) if counted else None
    panels = [
        (run.target, _panel(run, one, position, counted, back))
        for position, (run, one) in enumerate(zip(runs, counted, strict=True))
        if back
    ]
    return render(
        "compare.html.j2",
        footer=f"splitbrain - {' - '.join(row.target for row in rows)}",
        rows=rows,
        refusals=list(dict.fromkeys(noun for row in rows for noun in row.refusals)),
        turned_away=turned_away,
        figures=list(dict.fromkeys(words for row in rows for words in row.figures)),
        runs=runs,
        sentences=[sentence(row) for row in rows],
        back=back,
        panels=panels,
        legend={words: key for _, drawn in panels for one in drawn for key, words in one.legend},
        link=link,
        same_faults=len({(tuple(sorted(run.nemeses)), run.seed) for run in runs}) == 1,
    )


def _panel(run: RunData, one: Series, position: int, every: Sequence[Series], shared: Backdrop) -> list[figures.Figure]:
    back = Backdrop(shared.time, run.faults, shared.families, one.phases.get("heal"))
    high = max(figures.peak_rate(other) for other in every)
    drawn = [
        figures.throughput(one, back, f"throughput-{position}", height=110, high=high),
        figures.latency(one, back, f"latency-{position}", height=100, bounds=figures.latency_bounds(every)),
        lanes.service(one, back, f"service-{position}"),
    ]
    return [lanes.fault_lanes(back, f"lanes-{position}"), *drawn] if shared.families else drawn


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
