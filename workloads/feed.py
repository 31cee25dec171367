"""What chats, timelines and orders have in common: entries are added to feeds one by one, and whole feeds are read.

Every entry is added once in the whole run, so for each it can be told whether it was lost or doubled, and what was
there before it. A read moves a whole feed: have more `keys` for long runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

from harness.generators import Generator, stagger
from harness.operation import Operation
from harness.options import integer, number, weights
from workloads.connected import Connected
from workloads.drawn import Drawn
from workloads.ending import final_reads
from workloads.register import KEYS_MAX, RATE_MAX


class Feeds:
    """A workload but for its name and what it is called to add an entry: `add` of an id, `read` of the list of ids.

    `keys` is the number of feeds, `rate` that of operations per second over all workers; `mix` gives shares to the two.
    """

    name: ClassVar[str]
    add: ClassVar[str]

    def __init__(
        self, *, keys: int = 10, rate: float = 100, mix: Mapping[str, int] | None = None, concurrency: int = 10
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {self.add: 1, "read": 1}, (self.add, "read"))
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        key = random.randrange(self.keys)
        if random.random() * sum(self.mix.values()) < self.mix[self.add]:
            return Operation(self.add, key, fresh)
        return Operation("read", key)

    def final(self) -> Generator:
        """Every worker reads every feed."""
        return final_reads(Operation("read", key) for key in range(self.keys))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Nothing."""
        return {}


class FeedClient(Connected):
    """The client for bundled stores that take transactions: `read` returns a whole list, and whatever else is asked
    appends its value."""

    async def invoke(self, op: Operation) -> Operation:
        """Raises `Failed` or `Indeterminate` as the error says."""
        if op.f == "read":
            [found] = await self.transact(["r", op.key, None])
            return op.ok(found or [])
        await self.transact(["append", op.key, op.value])
        return op.ok(op.value)
