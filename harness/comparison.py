"""Measures for putting targets side by side: the same load, the same faults, and one number per question a reader asks.

A column answers what was *measured*, so nothing here turns on what a target claims: every model of the ladder is
tried on every history, strongest first, and the first that is not refuted is named. None always means that nothing
could be measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import flows, plugins, tradeoff
from harness.checker import Result
from harness.experiment import Experiment, checker_factory
from harness.history import History
from harness.run import Outcome
from harness.verdict import Verdict

LADDER = (
    ("linearizable", "linearizable"),
    ("sequential", "sequential"),
    ("causal", "causal"),
    ("pram", "PRAM"),
    ("converges", "eventual"),
)
"""Checkers by entry point, strongest model first, and what the model is called."""


def columns(outcome: Outcome) -> dict[str, Any]:
    """One target's column, as `compare --json` prints it."""
    measured: dict[str, Any] = {
        "verdict": outcome.verdict.value,
        "run": str(outcome.folder.path),
        "strongest_model": None,
        "violation": None,
        "availability": {"majority": None, "minority": None},
        "recovery_s": None,
        "staleness_ms": None,
        "lost_writes": None,
        "refusals": {},
        "figures": {},
        "summary": "",
        "problem": outcome.problem,
    }
    if outcome.history is None or len(outcome.history) == 0:
        return measured
    measure = _Measure(outcome.experiment, outcome.history)
    model, violation = measure.strongest_model()
    figures, harm = measure.figures()
    refusals = tradeoff.refusals(outcome.experiment.workload, outcome.history)
    measured |= {
        "strongest_model": model,
        "violation": violation or harm,
        "availability": {side: measure.available(side) for side in ("majority", "minority")},
        "recovery_s": measure.stat("recovers", "worst_s"),
        "staleness_ms": measure.stat("staleness", "worst_ms"),
        "lost_writes": measure.stat("lost_writes", "lost"),
        "refusals": refusals,
        "figures": figures,
    }
    return measured | {"summary": tradeoff.sentence(outcome.experiment.plan.target.name, measured)}


class _Measure:
    """Checkers applied to one history, with the options of its workload."""

    def __init__(self, experiment: Experiment, history: History) -> None:
        self._experiment = experiment
        self._history = history
        self._installed = set(plugins.names("checkers")) & set(experiment.workload.expectations)

    def strongest_model(self) -> tuple[str | None, Mapping[str, str] | None]:
        """The strongest model not refuted, and the worst violation found on the way down."""
        violation = None
        for name, model in LADDER:
            result = self._check(name)
            if result is None or result.verdict is Verdict.ERROR:
                continue
            if result.verdict is not Verdict.FAIL:
                return model, violation
            if violation is None and result.anomalies:
                worst = result.anomalies[0]
                violation = {"model": model, "type": worst.type, "message": worst.message}
        return None, violation

    def available(self, side: str) -> float | None:
        """The share of operations answered on that side of partitions."""
        result = self._check("availability", min=0.0, side=side, during="partition")
        if result is None:
            return None
        share: float | None = result.stats["judged"]["share"]
        return share

    def stat(self, name: str, key: str) -> Any:
        """One number of a checker's statistics."""
        result = self._check(name)
        return None if result is None else result.stats.get(key)

    def figures(self) -> tuple[dict[str, Any], Mapping[str, str] | None]:
        """What the workload's own checkers count, in their words, and the first violation that they found."""
        found: dict[str, Any] = {}
        violation = None
        for name in self._experiment.workload.expectations:
            words = getattr(checker_factory(name), "figures", None) if name in self._installed else None
            result = self._check(name) if words else None
            if not words or result is None:
                continue
            found |= {text: result.stats.get(stat) for text, stat in words.items()}
            if violation is None and result.anomalies:
                worst = result.anomalies[0]
                violation = {"model": name, "type": worst.type, "message": worst.message}
        return found, violation

    def _check(self, name: str, **options: Any) -> Result | None:
        if name not in self._installed:
            return None
        workload = self._experiment.workload
        flow, given = flows.separate({**workload.checker_options(name), **options}, workload)
        history = flows.select(self._history, flow)
        made: Result = checker_factory(name)(**given).check(history, budget=self._experiment.budget)
        return made
