"""The docket of a gate: all runs that the cases of a claims file ask for, side by side, most telling first.

Cases that ask for the same runs share them: a run costs seconds, judging it once more costs little. What comes first is
what can end a case soonest: the seeds that broke a claim last time, then the first seed of every regime, heaviest
faults and most cases first, then the second, and so on; so a small budget has seen a little of everything. Simulated
runs share all cores. Runs on real nodes come after them, one by one, since their clients' latencies are judged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from harness.errors import SplitbrainError
from harness.gate import trial
from harness.gate.baseline import Accepted
from harness.gate.claims_file import Case
from harness.gate.standing import Standing
from harness.gate.trial import Keep, Trial
from harness.plan import Plan
from harness.workers import Done, Workers

Watch = Callable[[Sequence[Standing], Sequence[Plan]], None]
"""Told after every event: where the cases stand, and the plans of the runs in hand."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a docket is worked through. `budget_s` is wall time: no run is begun after it, nor one on real nodes that
    would end after it. `remembered` are the seeds that broke a case last time, by its name."""

    runs_root: Path
    workers: int
    budget_s: float = float("inf")
    keeps_all: bool = False
    accepted: Sequence[Accepted] = ()
    remembered: Mapping[str, int] = field(default_factory=dict)
    today: date = field(default_factory=date.today)


@dataclass(slots=True)
class _Regime:
    """The cases that share their runs."""

    plan: Plan
    standings: list[Standing]
    seeds: Iterator[int]
    started: int = 0
    in_hand: int = 0

    @property
    def simulated(self) -> bool:
        return self.plan.cluster.name == "sim"

    @property
    def wants(self) -> bool:
        """Whether another run should be begun now."""
        return max(standing.wants for standing in self.standings) > self.in_hand

    @property
    def weight(self) -> int:
        """How much a run can tell."""
        return sum(standing.wants > 0 for standing in self.standings) * (1 + len(self.plan.families))


def conduct(cases: Sequence[Case], settings: Settings, watch: Watch | None = None) -> list[Standing]:
    """Runs until every case has its verdict or the budget is spent, and says where each stands, in their order. An
    interruption takes down what runs, and is raised again."""
    standings = [Standing(case, settings.accepted, settings.today) for case in cases]
    regimes = _regimes(standings, settings.remembered)
    deadline = time.monotonic() + settings.budget_s
    with Workers(settings.workers) as workers:
        for of_kind in ([one for one in regimes if one.simulated], [one for one in regimes if not one.simulated]):
            width = settings.workers if of_kind and of_kind[0].simulated else 1
            _exhaust(of_kind, workers, width, deadline, settings, lambda plans: watch and watch(standings, plans))
    for standing in standings:
        if standing.wants and time.monotonic() >= deadline:
            standing.given_up = f"the budget of {settings.budget_s:g} s ended after {standing.tried} of them"
    return standings


def _regimes(standings: Sequence[Standing], remembered: Mapping[str, int]) -> list[_Regime]:
    grouped: dict[str, list[Standing]] = {}
    for standing in standings:
        grouped.setdefault(standing.case.plan.to_yaml(), []).append(standing)
    return [
        _Regime(group[0].case.plan, group, _seeds(group[0].case.plan.seed, _known(group, remembered)))
        for group in grouped.values()
    ]


def _known(group: Sequence[Standing], remembered: Mapping[str, int]) -> list[int]:
    return sorted({remembered[standing.case.name] for standing in group if standing.case.name in remembered})


def _seeds(first: int, remembered: Sequence[int]) -> Iterator[int]:
    yield from remembered
    seed = first
    while True:
        if seed not in remembered:
            yield seed
        seed += 1


@dataclass(frozen=True, slots=True)
class _Tag:
    """What a run in hand is: its regime's place, its plan, and the places of the standings it is judged for."""

    regime: int
    plan: Plan
    judged: tuple[int, ...]


def _exhaust(
    regimes: Sequence[_Regime],
    workers: Workers,
    width: int,
    deadline: float,
    settings: Settings,
    watch: Callable[[Sequence[Plan]], object],
) -> None:
    in_hand: list[_Tag] = []
    while True:
        while len(in_hand) < width and (place := _next(regimes, deadline)) is not None:
            in_hand.append(_begin(place, regimes[place], workers, settings))
        watch([tag.plan for tag in in_hand])
        if not in_hand:
            return
        for done in workers.done():
            tag: _Tag = done.tag
            in_hand.remove(tag)
            regimes[tag.regime].in_hand -= 1
            _note(regimes[tag.regime], tag.judged, done.result or _failed(tag.plan.seed, done))


def _begin(place: int, regime: _Regime, workers: Workers, settings: Settings) -> _Tag:
    plan = regime.plan.model_copy(update={"seed": next(regime.seeds)})
    tag = _Tag(place, plan, tuple(at for at, standing in enumerate(regime.standings) if standing.wants > 0))
    expects = [regime.standings[at].case.expect.to_json() for at in tag.judged]
    keep = Keep.ALL if settings.keeps_all else Keep.TELLING
    workers.begin(tag, trial.conduct, plan, expects, settings.runs_root, keep)
    regime.started += 1
    regime.in_hand += 1
    return tag


def _next(regimes: Sequence[_Regime], deadline: float) -> int | None:
    """The regime whose run should be begun now: fewest runs so far, heaviest first."""
    left_s = deadline - time.monotonic()
    open_ones = [
        (regime.started, -regime.weight, place)
        for place, regime in enumerate(regimes)
        if regime.wants and left_s > (0 if regime.simulated else regime.plan.time + regime.plan.settle)
    ]
    return min(open_ones)[2] if open_ones else None


def _note(regime: _Regime, judged: Sequence[int], found: Trial) -> None:
    for position, place in enumerate(judged):
        regime.standings[place].note(found, found.judged[position] if position < len(found.judged) else None)


def _failed(seed: int, done: Done) -> Trial:
    """A run of which nothing came: the harness's own errors are sentences, others need to be traced."""
    problem = str(done.failure) if isinstance(done.failure, SplitbrainError) else done.traceback
    return Trial(seed, (), problem, "", 0, 0.0, 0.0)
