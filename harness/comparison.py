"""Measures for putting targets side by side: the same load, the same faults, and one number per question a reader asks.

A column answers what was *measured*, so nothing here turns on what a target claims: every model of the ladder that the
workload's history can be held to is tried, strongest first, and the first that is not refuted is named, with the
workload it was tried on. A number comes from whichever of the workload's checkers says that it measures it
(`harness.checker.HasMeasures`). None always means that nothing could be measured; `unmeasured` then says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import flows, plugins, tradeoff
from harness.checker import Result
from harness.errors import SplitbrainError
from harness.experiment import Experiment, checker_factory, resolve
from harness.history import History
from harness.operation import Operation
from harness.plan import Plan
from harness.run import Outcome, execute
from harness.streaming import Watch
from harness.target import CommandService, Target
from harness.verdict import Verdict

TELL_S = 0.25
"""How often a run that is watched tells how far it is."""

SIDES = ("majority", "minority")
PERIODS = ("calm", "faults")

MEASURES = ("recovery_s", "convergence_s", "staleness_ms", "lost_writes")
"""What checkers can say that they measure: the longest time from a heal until every node answered, and until no read
missed what was known before; how old the stalest read was; how many acknowledged writes vanished."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A model: what it is called, the checkers that must all not refute it, and whether, besides, no write may be lost
    by any checker that counts them."""

    name: str
    checkers: tuple[str, ...]
    keeps_writes: bool = False


LADDER = (
    Rung("strict serializable", ("strict-serializable",)),
    Rung("linearizable", ("linearizable",)),
    Rung("serializable", ("serializable",)),
    Rung("snapshot isolation", ("snapshot-isolation",)),
    Rung("parallel snapshot isolation", ("parallel-snapshot-isolation",)),
    Rung("repeatable read", ("repeatable-read",)),
    Rung("read atomic", ("read-atomic",)),
    Rung("read committed", ("read-committed",)),
    Rung("read uncommitted", ("read-uncommitted",)),
    Rung("sequential", ("sequential",)),
    Rung("causal", ("causal",)),
    Rung("PRAM", ("pram",)),
    Rung("strong eventual", ("converges",), keeps_writes=True),
    Rung("eventual", ("converges",)),
)
"""Strongest model first, as far as they can be compared. Strong eventual is what a history can show of it: in the end
all nodes agree, and on a state that lacks no acknowledged write."""


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
        stop = self._watch.stop if self._watch else None
        return f"{self._phase}, {stop.claim} VIOLATED" if stop else self._phase

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
    measure = _Measure(outcome.experiment, outcome.history)
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


class _Measure:
    """Checkers applied to one history, each once, with the options of its workload."""

    def __init__(self, experiment: Experiment, history: History) -> None:
        self._experiment = experiment
        self._history = history
        installed = set(plugins.names("checkers"))
        self._expectations = [name for name in experiment.workload.expectations if name in installed]
        self._results: dict[tuple[str, str], Result] = {}

    def strongest_model(self) -> tuple[str | None, str | None, Mapping[str, str] | None]:
        """The strongest model not refuted; why that is all that can be said, where its checker could not decide; and
        the worst violation found on the way down."""
        violation = None
        for rung in LADDER:
            if not set(rung.checkers) <= set(self._expectations):
                continue
            names = [*rung.checkers, *(self._measuring("lost_writes") if rung.keeps_writes else ())]
            if rung.keeps_writes and len(names) == len(rung.checkers):
                continue
            results = [self._check(name) for name in names]
            if any(result.verdict is Verdict.ERROR for result in results):
                continue
            refuted = next((result for result in results if result.verdict is Verdict.FAIL), None)
            if refuted is None:
                unsure = [result.why for result in results if result.verdict is Verdict.INCONCLUSIVE]
                return rung.name, "; ".join(unsure) or None, violation
            if violation is None and refuted.anomalies:
                violation = _told(rung.name, refuted)
        return None, None, violation

    def side(self, side: str, **options: Any) -> Mapping[str, Any]:
        """How many operations were asked on that side of partitions, and the share that was answered while they
        lasted: a cut off store that lets clients wait for the healing has not served them."""
        if "availability" not in self._expectations:
            return {}
        result = self._check("availability", min=0.0, side=side, during="partition", in_flight=False, **options)
        judged: Mapping[str, Any] = result.stats["judged"]
        return judged

    def by_f(self, side: str) -> dict[str, float]:
        """The share answered there of each kind of operation that was asked."""
        shares = {f: self.side(side, of=f).get("share") for f in self._check("stats").stats["by_f"]}
        return {f: share for f, share in shares.items() if share is not None}

    def latencies(self) -> dict[str, dict[str, float | None]]:
        """Of the operations that ended ok, by whether a fault was in force when they were invoked."""
        stats = self._check("stats").stats
        return {period: {name: stats[period]["latency_ms"][name] for name in ("p50", "p99")} for period in PERIODS}

    def converged(self) -> bool | None:
        """Whether all nodes agreed in the end; None when that is not known."""
        if "converges" not in self._expectations:
            return None
        verdict = self._check("converges").verdict
        return {Verdict.PASS: True, Verdict.FAIL: False}.get(verdict)

    def number(self, measure: str) -> tuple[Any, str]:
        """One number, from the first checker that has it, or why there is none."""
        why = f"no checker of the workload {self._experiment.workload.name} measures it"
        for name in self._measuring(measure):
            result = self._check(name)
            found: Any = result.stats
            for step in self._measures(name)[measure]:
                found = found.get(step) if isinstance(found, Mapping) else None
            if found is not None:
                return found, ""
            why = result.why or why
        return None, why

    def figures(self) -> tuple[dict[str, Any], Mapping[str, str] | None]:
        """What the workload's own checkers count, in their words, and the first violation that they found."""
        found: dict[str, Any] = {}
        violation = None
        for name in self._expectations:
            words = getattr(checker_factory(name), "figures", None)
            if not words:
                continue
            result = self._check(name)
            found |= {text: result.stats.get(stat) for text, stat in words.items()}
            if violation is None and result.anomalies:
                violation = _told(name, result)
        return found, violation

    def _measuring(self, measure: str) -> list[str]:
        return [name for name in self._expectations if measure in self._measures(name)]

    def _measures(self, name: str) -> Mapping[str, Sequence[str]]:
        found: Mapping[str, Sequence[str]] = getattr(checker_factory(name), "measures", {})
        return found

    def _check(self, name: str, **options: Any) -> Result:
        known = (name, repr(sorted(options.items())))
        if known not in self._results:
            workload = self._experiment.workload
            flow, given = flows.separate({**workload.checker_options(name), **options}, workload)
            checker = checker_factory(name)(**given)
            try:
                history = flows.select(self._history, flow)
                self._results[known] = checker.check(history, budget=self._experiment.budget)
            except SplitbrainError as problem:
                self._results[known] = Result(Verdict.ERROR, name, why=str(problem))
        return self._results[known]


def _told(model: str, result: Result) -> Mapping[str, str]:
    worst = result.anomalies[0]
    return {"model": model, "type": worst.type, "message": worst.message}
