"""Counters that are added to and read: does every addition count, and count once?

Ones only by default, which is what can be judged best: then `linearizable` has a near-linear monitor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from harness.generators import Generator, stagger
from harness.operation import Operation
from harness.options import integer, number, weights
from workloads.connected import Connected
from workloads.drawn import Drawn
from workloads.ending import final_reads
from workloads.register import KEYS_MAX, RATE_MAX

FUNCTIONS = ("add", "read")


class Counter:
    """The workload: `add` of a whole number, `read` of the sum.

    `keys` is the number of counters, `rate` that of operations per second over all workers, `most` the greatest number
    added at once; `mix` gives shares to `add` and `read`.
    """

    name: ClassVar[str] = "counter"
    model: ClassVar[str] = "counter"
    expectations: ClassVar[Sequence[str]] = (
        "counter-bounds",
        "counter-final",
        "linearizable",
        "availability",
        "recovers",
        "converges",
    )

    def __init__(
        self,
        *,
        keys: int = 10,
        rate: float = 200,
        most: int = 1,
        mix: Mapping[str, int] | None = None,
        concurrency: int = 10,
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.most = integer(self.name, "most", most, min=1, max=1_000_000)
        self.mix = weights(self.name, "mix", mix or {"add": 1, "read": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        key = random.randrange(self.keys)
        if random.random() * sum(self.mix.values()) < self.mix["add"]:
            return Operation("add", key, 1 + random.randrange(self.most))
        return Operation("read", key)

    def final(self) -> Generator:
        """Every worker reads every counter."""
        return final_reads(Operation("read", key) for key in range(self.keys))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells `linearizable` that these are counters."""
        return {"model": self.model} if expectation == "linearizable" else {}


class CounterClient(Connected):
    """The workload's client for bundled stores that take transactions."""

    async def invoke(self, op: Operation) -> Operation:
        """`add` or `read`. Raises `Failed` or `Indeterminate` as the error says."""
        if op.f == "add":
            await self.transact(["add", op.key, op.value])
            return op.ok(op.value)
        [found] = await self.transact(["r", op.key, None])
        return op.ok(found or 0)
