"""Measures for putting targets side by side: the same load, the same faults, and one number per question a reader asks.

A column answers what was *measured* (`harness.measure`), so nothing here turns on what a target claims; the model is
told with the workload it was tried on. None always means that nothing could be measured; `unmeasured` then says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import plugins, tradeoff
from harness.experiment import resolve
from harness.ladder import LADDER
from harness.measure import MEASURES, PERIODS, Measure
from harness.operation import Operation
from harness.plan import Plan
from harness.run import Outcome, execute
from harness.target import CommandService, Target
from harness.watch import Watch

TELL_S = 0.25
"""How often a run that is watched tells how far it is."""

SIDES = ("majority", "minority")


def measured(plan: Plan, runs_root: Path, tell: Callable[[tuple[str, float]], None]) -> dict[str, Any]:
    """The column of a target, run now. Tells the phase and the time of the run in seconds."""
    return columns(execute(resolve(plan), runs_root, _Teller(tell)))


class _Teller:
    """A run's progress, told now and then."""

    def __init__(self, tell: Callable[[tuple[str, float]], None]) -> None:
        self._tell = tell
        self._phase = "starting"
        self._told = 0.0
        self._watch: Watch | None = None
        self.event: Callable[[Operation], None] | None = self._event

    def phase(self, name: str) -> None:
        self._phase = name
        self._tell((self._standing(), 0.0))

    def watch(self, watch: Watch) -> None:
        self._watch = watch

    def _standing(self) -> str:
        broken = [one.claim for one in self._watch.standings if one.broken] if self._watch else []
        return f"{self._phase}, {', '.join(broken)} VIOLATED" if broken else self._phase

    def _event(self, op: Operation) -> None:
        now = time.monotonic()
        if now - self._told >= TELL_S:
            self._told = now
            self._tell((self._standing(), op.time / 1e9))


def everybody() -> list[str]:
    """The installed targets that run in every cluster, the simulator included, by name."""
    made: dict[str, Target] = {name: plugins.load("targets", name)() for name in plugins.names("targets")}
    return [name for name, target in made.items() if not isinstance(target.service, CommandService)]


def best_workload(target: str) -> str:
    """The workload that a target names first. Raises `UnknownName`."""
    made: Target = plugins.load("targets", target)()
    return made.workloads[0]


def rank(column: Mapping[str, Any]) -> tuple[int, float]:
    """Sorts columns from the most consistent to the most available."""
    names = [rung.name for rung in LADDER]
    model = column["strongest_model"]
    return names.index(model) if model in names else len(names), column["availability"]["minority"] or 0.0


def columns(outcome: Outcome) -> dict[str, Any]:
    """One target's column, as `compare --json` prints it (docs/cap-table.md lists the fields)."""
    measured: dict[str, Any] = {
        "verdict": outcome.verdict.value,
        "run": str(outcome.folder.path),
        "workload": outcome.experiment.workload.name,
        "strongest_model": None,
        "undecided": None,
        "violation": None,
        "availability": dict.fromkeys(SIDES),
        "asked": dict.fromkeys(SIDES),
        "availability_by_f": {side: {} for side in SIDES},
        "latency_ms": {period: {"p50": None, "p99": None} for period in PERIODS},
        "converged": None,
        **dict.fromkeys(MEASURES),
        "refusals": {},
        "figures": {},
        "summary": "",
        "unmeasured": {},
        "problem": outcome.problem,
    }
    if outcome.history is None or len(outcome.history) == 0:
        return measured
    measure = Measure(outcome.experiment, outcome.history)
    model, undecided, violation = measure.strongest_model()
    figures, harm = measure.figures()
    refusals = tradeoff.refusals(outcome.experiment.workload, outcome.history)
    sides = {side: measure.side(side) for side in SIDES}
    numbers = {name: measure.number(name) for name in MEASURES}
    measured |= {
        "strongest_model": model,
        "undecided": undecided,
        "violation": violation or harm,
        "availability": {side: judged.get("share") for side, judged in sides.items()},
        "asked": {side: judged.get("ops") for side, judged in sides.items()},
        "availability_by_f": {side: measure.by_f(side) for side in SIDES},
        "latency_ms": measure.latencies(),
        "converged": measure.converged(),
        **{name: number for name, (number, _) in numbers.items()},
        "refusals": refusals,
        "figures": figures,
    }
    measured["unmeasured"] = {name: why for name, (number, why) in numbers.items() if number is None} | dict(
        _unmeasured(measured)
    )
    return measured | {"summary": tradeoff.sentence(outcome.experiment.plan.target.name, measured)}


def _unmeasured(column: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Why the cells that no checker speaks for are empty."""
    if column["strongest_model"] is None:
        yield "strongest_model", "every model that could be tried was refuted"
    for side in SIDES:
        if column["availability"][side] is None:
            yield f"availability.{side}", f"nobody asked anything on the {side} side of a partition"
    for period in PERIODS:
        if column["latency_ms"][period]["p50"] is None:
            when = "while a fault was in force" if period == "faults" else "while no fault was in force"
            yield f"latency_ms.{period}", f"nothing was answered {when}"
