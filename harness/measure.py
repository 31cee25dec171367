"""Checkers as instruments: what each says of one history, whatever its target claims.

Every model of the ladder that the workload's history can be held to is tried, strongest first, and the first that is
not refuted is named. A number comes from whichever of the workload's checkers says that it measures it
(`harness.checker.HasMeasures`). None always means that nothing could be measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness import flows, plugins
from harness.checker import Result
from harness.errors import SplitbrainError
from harness.experiment import Experiment, checker_factory
from harness.history import History
from harness.ladder import LADDER
from harness.verdict import Verdict

PERIODS = ("calm", "faults")

MEASURES = ("recovery_s", "convergence_s", "staleness_ms", "lost_writes")
"""What checkers can say that they measure: the longest time from a heal until every node answered, and until no read
missed what was known before; how old the stalest read was; how many acknowledged writes vanished."""


class Measure:
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
