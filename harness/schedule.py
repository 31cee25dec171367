"""When faults come and go, and the worker that carries them out.

A nemesis says what to do; its schedule says when: after a pause a fault, after about as long its end, and so on until
the load ends. Every fault has a stream of chance of its own (`faults/partition/3`), from which its pause, its length
and its draw come. So the third partition of a seed is the same one however many operations, answers or other faults
came before it, which is what makes two runs comparable and a failing one shrinkable (`harness.shrink`): where a plan
names the faults that are to come, the time of the others passes without them. Drawing all of them from one stream would
be simpler, and would change every later fault whenever one is left out.

A fault after which no quorum would be left, in a plan that demands one, is skipped, with the reason, and its time
passes without it. Drawing another in its place would make it depend on what else was in force; so the faults that do
come are those that the seed has always meant.

The worker keeps what is in force from the moment an injection begins, not from its success: what a failed or cancelled
injection left half done is healed like anything else.
"""

from __future__ import annotations

import random as _random
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

from harness.clusters.base import Cluster
from harness.election import election
from harness.errors import HarnessError
from harness.faults import Evidence, Fault, Status
from harness.generators import any as any_of
from harness.generators import nemesis as on_nemesis
from harness.generators.context import Context
from harness.generators.protocol import PENDING, Answer, Generator, Pending, node
from harness.nemesis import Nemesis
from harness.operation import Operation, Type
from harness.streams import Streams
from harness.target import Target
from harness.toll import InForce

PRIMARIES = "primaries"
"""Where a draw says so, the worker asks the target who they are, and adds the answer to the draw under this name."""

FOLLOWERS = "followers"
"""Where a draw says so, it means everybody else, and is given the primaries as well."""

ELECTION = "election"
"""Where a draw says so, its fault waits until somebody comes to lead."""

PATIENCE_INTERVALS = 2.0
"""How long for, in intervals of its nemesis; then it comes without."""

PATIENCE_S_MAX = 60.0
"""How long at most, since a fault that has not come within two minutes is given up."""

OPENING_DRAWS = 64
"""Draws among which the first fault is chosen: each of a dozen kinds is then as good as sure to be among them."""

_PAUSE, _STARTING, _HOLD, _STOPPING = "pause", "starting", "hold", "stopping"


def schedule(nemesis: Nemesis, streams: Streams, only: Collection[str] = ()) -> Generator:
    """Faults of one nemesis without end, on its own thread: `start-<family>`, `stop-<family>`, and so on; those in
    `only`, if it names any.

    Pauses and faults last between half and one and a half times the nemesis's interval; the first pause is shorter, so
    that a short run sees a fault too.
    """
    return on_nemesis(nemesis.family, Schedule(nemesis, streams, frozenset(only), 1, _PAUSE, -1))


def healing(workers: Iterable[NemesisWorker]) -> Generator:
    """The end of every fault that is in force when this is first asked, each on its nemesis's own thread."""
    return Healing(tuple(workers))


@node
class Healing(Generator):
    """State of `healing` before it is first asked: only then is it known what there is to heal."""

    workers: tuple[NemesisWorker, ...]

    def op(self, ctx: Context) -> Answer:
        return any_of(*(on_nemesis(worker.nemesis.family, worker.stops()) for worker in self.workers)).op(ctx)


@node
class Schedule(Generator):
    """State of `schedule`: the stage that fault `number` is in, and when it ends (-1: not yet known)."""

    nemesis: Nemesis
    streams: Streams
    only: frozenset[str]
    number: int
    stage: str
    due: int

    def op(self, ctx: Context) -> Answer:
        if self.stage in (_STARTING, _STOPPING):
            return PENDING, self
        if self.due < 0:
            return self._waiting(ctx.time).op(ctx)
        if ctx.time < self.due:
            return Pending(self.due), self
        family = self.nemesis.family
        if self.stage == _PAUSE and self.only and self._id() not in self.only:
            return self._without().op(ctx)
        value: dict[str, Any] = {"fault": self._id()}
        if self.stage == _HOLD:
            return Operation(f"stop-{family}", value=value), self._at(_STOPPING, -1)
        _, _, draw = self._fault()
        return Operation(f"start-{family}", value=value | {"draw": draw}), self._at(_STARTING, -1)

    def update(self, ctx: Context, event: Operation) -> Generator:
        if event.type is Type.INVOKE or event.process is None or event.process >= 0:
            return self
        if self.stage == _STARTING and event.f == f"start-{self.nemesis.family}":
            _, hold_ns, _ = self._fault()
            return self._at(_HOLD, ctx.time + hold_ns)
        if self.stage == _STOPPING and event.f == f"stop-{self.nemesis.family}":
            return self._next()
        return self

    def _id(self) -> str:
        return f"{self.nemesis.family}-{self.number}"

    def _at(self, stage: str, due: int) -> Schedule:
        return Schedule(self.nemesis, self.streams, self.only, self.number, stage, due)

    def _next(self) -> Schedule:
        return Schedule(self.nemesis, self.streams, self.only, self.number + 1, _PAUSE, -1)

    def _waiting(self, now: int) -> Schedule:
        """The pause before this fault, from now on."""
        pause_ns, _, _ = self._fault()
        return self._at(_PAUSE, now + pause_ns)

    def _without(self) -> Schedule:
        """The pause before the next fault, once this one's time has passed without it."""
        _, hold_ns, _ = self._fault()
        return self._next()._waiting(self.due + hold_ns)

    def _fault(self) -> tuple[int, int, Mapping[str, Any]]:
        """Pause before it, length (both in ns) and draw of the current fault: the same whenever asked."""
        random = self.streams.stream(f"faults/{self.nemesis.family}/{self.number}")
        interval_ns = max(round(self.nemesis.interval_s * 1e9), 10)
        pause_ns = interval_ns // 2 + random.randrange(interval_ns)
        hold_ns = interval_ns // 2 + random.randrange(interval_ns)
        if self.number == 1:
            return pause_ns * 2 // 5, hold_ns, opening(self.nemesis, random)
        return pause_ns, hold_ns, self.nemesis.draw(random)


def opening(nemesis: Nemesis, random: _random.Random) -> Mapping[str, Any]:
    """The first fault of a family: one that goes for the primaries, if it has such. A short run sees one or two faults
    of each family, and what becomes of a store whose leader is hit tells more than all the rest."""
    draws = [nemesis.draw(random) for _ in range(OPENING_DRAWS)]
    return next((draw for draw in draws if PRIMARIES in draw.values()), draws[0])


class NemesisWorker:
    """Turns the operations of a schedule into calls of a nemesis, and never loses track of what is in force."""

    def __init__(self, nemesis: Nemesis, cluster: Cluster, target: Target, in_force: InForce) -> None:
        self.nemesis = nemesis
        self._cluster = cluster
        self._target = target
        self._account = in_force
        self._faults: dict[str, Fault] = {}

    @property
    def in_force(self) -> tuple[Fault, ...]:
        """The faults that are, or may be, in force, oldest first."""
        return tuple(self._faults.values())

    def stops(self) -> list[Operation]:
        """The operations that end what is in force."""
        return [Operation(f"stop-{fault.family}", value={"fault": fault.id}) for fault in self.in_force]

    async def perform(self, op: Operation) -> dict[str, Any]:
        """Carries out `start-<family>` or `stop-<family>`; returns the value of its completion (`harness.faults`).

        Raises what the nemesis or the cluster raised. The fault then still counts as in force.
        """
        step, _, family = op.f.partition("-")
        assert family == self.nemesis.family, f"{op.f} is not for the nemesis {self.nemesis.family}"
        done = await (self._start(op.value) if step == "start" else self._stop(op.value["fault"]))
        return {**op.value, **done}

    async def heal_all(self) -> None:
        """Ends every fault still in force, newest first, then cleans up after the family. Idempotent.

        Tries everything before it raises `HarnessError` for what could not be healed.
        """
        problems = []
        for fault in reversed(self.in_force):
            try:
                await self._stop(fault.id)
            except Exception as problem:
                problems.append(f"{fault.id} could not be healed: {problem}")
        try:
            await self.nemesis.teardown(self._cluster)
        except Exception as problem:
            problems.append(f"the nemesis {self.nemesis.family} could not clean up: {problem}")
        if problems:
            raise HarnessError("; ".join(problems))

    async def _start(self, value: Mapping[str, Any]) -> dict[str, Any]:
        draw, since = dict(value["draw"]), self._account.changes
        aim: dict[str, Any] = {}
        if ELECTION in draw.values():
            patience_s = min(PATIENCE_INTERVALS * self.nemesis.interval_s, PATIENCE_S_MAX)
            aim["elected"] = await election(partial(self._target.primaries, self._cluster), patience_s)
        if PRIMARIES in draw.values() or FOLLOWERS in draw.values():
            draw[PRIMARIES] = list(await self._target.primaries(self._cluster))
        fault = Fault(value["fault"], self.nemesis.family, draw)
        toll = self.nemesis.toll(self._account.nodes, draw)
        if why := await self._account.enter(fault.id, toll, since):
            spared = {node: Evidence(Status.SKIPPED, why=why) for node in self._account.nodes if node in toll.nodes}
            return {"resolved": {}, "nodes": _plain(spared)}
        self._faults[fault.id] = fault
        injection = await self.nemesis.inject(self._cluster, fault)
        return {"resolved": {**injection.resolved, **aim}, "nodes": _plain(injection.nodes)}

    async def _stop(self, id: str) -> dict[str, Any]:
        fault = self._faults.get(id)
        if fault is None:
            return {"nodes": {}}
        evidence = await self.nemesis.heal(self._cluster, fault)
        del self._faults[id]
        if all(one.status is not Status.INDETERMINATE for one in evidence.values()):
            self._account.leave(id)
        return {"nodes": _plain(evidence)}


def _plain(evidence: Mapping[str, Evidence]) -> dict[str, Any]:
    return {node: one.to_json() for node, one in evidence.items()}
