"""Queues: what is enqueued comes out once, in order, and nothing is forgotten.

Every element is enqueued once in the whole run, so for each it can be told whether it was lost, doubled or overtaken.
In the end every worker dequeues until it finds each queue empty. A dequeue of unknown outcome may have taken an
element for ever: `linearizable` allows for that exactly, `total-queue` counts (and says `inconclusive` where as many
are missing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from harness.generators import Context, Generator, each_thread, stagger
from harness.generators.protocol import PENDING, Answer, Pending, node
from harness.operation import Operation, Type
from harness.options import integer, number, weights
from workloads.connected import Connected
from workloads.drawn import Drawn
from workloads.ending import FINAL_PAUSE_S, FINAL_TRIES
from workloads.register import KEYS_MAX, RATE_MAX

FUNCTIONS = ("enqueue", "dequeue")


class Queue:
    """The workload: `enqueue` of an element (a whole number), `dequeue` of one, null where there was none.

    `keys` is the number of queues, `rate` that of operations per second over all workers; `mix` gives shares to
    `enqueue` and `dequeue`.
    """

    name: ClassVar[str] = "queue"
    model: ClassVar[str] = "queue"
    expectations: ClassVar[Sequence[str]] = ("linearizable", "total-queue", "availability", "recovers")

    def __init__(
        self, *, keys: int = 10, rate: float = 100, mix: Mapping[str, int] | None = None, concurrency: int = 10
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"enqueue": 1, "dequeue": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        key = random.randrange(self.keys)
        if random.random() * sum(self.mix.values()) < self.mix["enqueue"]:
            return Operation("enqueue", key, fresh)
        return Operation("dequeue", key)

    def final(self) -> Generator:
        """Every worker empties every queue."""
        return each_thread([Emptied(key, FINAL_TRIES, 0) for key in range(self.keys)])

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells `linearizable` that these are queues."""
        return {"model": self.model} if expectation == "linearizable" else {}


@node
class Emptied(Generator):
    """Dequeues until there is nothing left, or `tries` of them in a row had no answer; `not_before` is when to go
    on."""

    key: int
    tries: int
    not_before: int

    def op(self, ctx: Context) -> Answer:
        if not self.tries:
            return None, None
        if ctx.time < self.not_before:
            return Pending(self.not_before), self
        return (ctx.assign(Operation("dequeue", self.key)), self) if ctx.free else (PENDING, self)

    def update(self, ctx: Context, event: Operation) -> Generator:
        if event.type is Type.INVOKE or event.f != "dequeue" or event.key != self.key:
            return self
        if event.type is not Type.OK:
            return Emptied(self.key, self.tries - 1, event.time + round(FINAL_PAUSE_S * 1e9))
        return Emptied(self.key, 0 if event.value is None else FINAL_TRIES, 0)


class QueueClient(Connected):
    """The workload's client for bundled stores that take transactions: a queue is a list."""

    async def invoke(self, op: Operation) -> Operation:
        """`enqueue` or `dequeue`. Raises `Failed` or `Indeterminate` as the error says."""
        if op.f == "enqueue":
            await self.transact(["append", op.key, op.value])
            return op.ok(op.value)
        [taken] = await self.transact(["pop", op.key, None])
        return op.ok(taken)
