"""The ways to make a plan smaller, and the order in which they are tried."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.plan import Plan
from harness.shrink.ddmin import fewest

TIME_S_MIN = 1.0
ROUNDS_MAX = 4
"""How often all ways of shrinking are tried in turn; each round begins with what the last one left."""

NODES = (1, 3, 5, 7)
CLIENTS = (1, 2, 3, 5)
KEYS = (1, 2, 5)


class Failing(Protocol):
    """A try: the ids of the faults that came, in their order, if the promise is still broken; None if it is not."""

    def __call__(self, plan: Plan) -> Sequence[str] | None: ...


@dataclass(slots=True)
class Limits:
    """How many tries there are, and until when."""

    tries: int
    seconds: float
    made: int = 0
    _began: float = field(default_factory=time.monotonic)

    @property
    def reached(self) -> bool:
        return self.made >= self.tries or time.monotonic() - self._began >= self.seconds


def shrink(plan: Plan, failing: Failing, limits: Limits) -> Plan:
    """The smallest plan that was found to be `failing`; `plan` itself where no other was. Makes no try once the limits
    are reached."""
    return _Shrinking(plan, failing, limits).smallest()


class _Shrinking:
    """The smallest failing plan so far, and the ways to make it smaller."""

    def __init__(self, plan: Plan, failing: Failing, limits: Limits) -> None:
        self._plan = plan
        self._failing = failing
        self._limits = limits
        self._came: Sequence[str] = ()
        self._passing: set[str] = set()

    def smallest(self) -> Plan:
        if not self._try(self._plan):
            return self._plan
        for _ in range(ROUNDS_MAX):
            before = self._plan
            # Time first: every later try is the cheaper for it.
            self._shorter()
            self._with_fewer_faults()
            for smaller in (_with_fewer_nodes, _with_fewer_clients, _with_fewer_keys):
                any(map(self._try, smaller(self._plan)))
            if self._plan == before or self._limits.reached:
                break
        return self._plan

    def _try(self, plan: Plan) -> bool:
        """Whether the promise is broken under that plan, too; the plan is then the smallest so far."""
        text = plan.to_yaml()
        if self._limits.reached or text in self._passing:
            return False
        self._limits.made += 1
        came = self._failing(plan)
        if came is None:
            self._passing.add(text)
            return False
        self._plan, self._came = plan, came
        return True

    def _shorter(self) -> None:
        """Halves the load while it fails, then looks between the last two by halves."""
        passing_s = 0.0
        while self._plan.time - passing_s > max(TIME_S_MIN, self._plan.time / 8):
            half_s = max(TIME_S_MIN, round((self._plan.time + passing_s) / 2, 1))
            if half_s >= self._plan.time:
                return
            if not self._try(self._plan.model_copy(update={"time": half_s})):
                passing_s = half_s

    def _with_fewer_faults(self) -> None:
        """Only the faults that came are candidates: no others can have mattered."""
        if self._plan.nemeses:
            fewest(self._came, lambda ids: self._try(_with_faults(self._plan, ids)))


def _with_faults(plan: Plan, ids: Sequence[str]) -> Plan:
    families = {id.rpartition("-")[0] for id in ids}
    nemeses = [part for part in plan.nemeses if part.name in families]
    return plan.model_copy(update={"nemeses": nemeses, "faults": list(ids)})


def _with_fewer_nodes(plan: Plan) -> Iterator[Plan]:
    return (plan.model_copy(update={"nodes": nodes}) for nodes in NODES if nodes < plan.nodes)


def _with_fewer_clients(plan: Plan) -> Iterator[Plan]:
    return (plan.model_copy(update={"concurrency": clients}) for clients in CLIENTS if clients < plan.concurrency)


def _with_fewer_keys(plan: Plan) -> Iterator[Plan]:
    keys = plan.workload.options.get("keys")
    for fewer in KEYS:
        if isinstance(keys, int) and fewer < keys:
            options = {**plan.workload.options, "keys": fewer}
            yield plan.model_copy(update={"workload": plan.workload.model_copy(update={"options": options})})
