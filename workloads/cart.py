"""Shopping carts: what was put in stays in until it is taken out, and what was taken out stays out.

A cart is a set with removals. Every item is put in once in the whole run, so one that comes back after its removal has
been resurrected, not put in again. Removals pick among recent items, whoever put them in; one that is not there (yet,
or any more) answers null.
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

FUNCTIONS = ("add", "remove", "read")

RECENT = 100
"""How far back, in operations, a removal looks for an item."""


class Cart:
    """The workload: `add` of an item (a whole number), `remove` of one, null where it was not there, `read` of the list
    of all, in any order.

    `keys` is the number of carts, `rate` that of operations per second over all workers; `mix` gives shares to `add`,
    `remove` and `read`.
    """

    name: ClassVar[str] = "cart"
    asks_for: ClassVar[Mapping[str, str]] = {"add": "additions", "remove": "removals"}
    expectations: ClassVar[Sequence[str]] = ("cart", "availability", "recovers", "converges", "catches_up")

    def __init__(
        self, *, keys: int = 10, rate: float = 100, mix: Mapping[str, int] | None = None, concurrency: int = 10
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"add": 4, "remove": 4, "read": 2}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        draw = random.random() * sum(self.mix.values())
        if draw < self.mix["add"]:
            return Operation("add", fresh % self.keys, fresh)
        if draw < self.mix["add"] + self.mix["remove"]:
            item = max(1, fresh - 1 - random.randrange(RECENT))
            return Operation("remove", item % self.keys, item)
        return Operation("read", random.randrange(self.keys))

    def final(self) -> Generator:
        """Every worker reads every cart."""
        return final_reads(Operation("read", key) for key in range(self.keys))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """None."""
        return {}


class CartClient(Connected):
    """The workload's client for bundled stores that take transactions."""

    async def invoke(self, op: Operation) -> Operation:
        """`add`, `remove` or `read`. Raises `Failed` or `Indeterminate` as the error says."""
        match op.f:
            case "add":
                await self.transact(["put", op.key, op.value])
                return op.ok(op.value)
            case "remove":
                [was_there] = await self.transact(["drop", op.key, op.value])
                return op.ok(op.value if was_there else None)
            case _:
                [found] = await self.transact(["r", op.key, None])
                return op.ok(found or [])
