"""A shop's checkout: customers order from a stock that runs out.

Which is worse for a business: to refuse customers, or to sell what it has not got? A store that keeps its promises
refuses while it cannot reach a majority; one that is always there sells on both sides of a partition, and the stock
twice (`checkers.checkout`). An order of more than is left is refused, which is an answer and no failure of the service.

A few items are on sale at a time, and asked for about one and a half times as often as there are units, so each sells
out; then others take their place. When all `items` have been sold it begins again with the first, and all is refused:
have enough of them for the length of the run. Restocking was rejected: what a violation needs for its proof would grow
with every unit that ever came in.

There is no first delivery before the load, and no run in which that was lost: a store keeps what has changed of each
item's `STOCK`.
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

FUNCTIONS = ("order", "read")

STOCK = 40
"""Units of each item."""

UNITS_MAX = 5
"""Units of an order, at most."""

ON_SALE = 5
"""Items on sale at a time."""

PER_ITEM = 20
"""Operations after which the shelf moves on by one item: orders of one and a half times the stock."""


class Checkout:
    """The workload: `order` of `{"id", "units"}` of an item, `read` of its `{"left", "orders"}`.

    `items` is their number, `rate` that of operations per second over all workers; `mix` gives shares to `order` and
    `read`.
    """

    name: ClassVar[str] = "checkout"
    model: ClassVar[str] = "no_oversell"
    asks_for: ClassVar[Mapping[str, str]] = {"order": "orders"}
    expectations: ClassVar[Sequence[str]] = ("no_oversell", "no_lost_order", "availability", "recovers", "converges")

    def __init__(
        self, *, items: int = 100, rate: float = 50, mix: Mapping[str, int] | None = None, concurrency: int = 10
    ) -> None:
        self.items = integer(self.name, "items", items, min=ON_SALE, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"order": 9, "read": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        item = (fresh // PER_ITEM + random.randrange(ON_SALE)) % self.items
        if random.random() * sum(self.mix.values()) < self.mix["order"]:
            return Operation("order", item, {"id": fresh, "units": 1 + random.randrange(UNITS_MAX)})
        return Operation("read", item)

    def final(self) -> Generator:
        """Every worker reads the books of every item."""
        return final_reads(Operation("read", item) for item in range(self.items))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells `no_oversell` how much there is."""
        return {"stock": STOCK} if expectation == "no_oversell" else {}


class CheckoutClient(Connected):
    """The workload's client for bundled stores that take transactions."""

    async def invoke(self, op: Operation) -> Operation:
        """`order`, or `read`. Raises `Failed` or `Indeterminate` as the error says; an order of more than is left is
        refused with the change of the stock as `current`."""
        stock, orders = f"stock/{op.key}", f"orders/{op.key}"
        if op.f == "read":
            change, taken = await self.transact(["r", stock, None], ["r", orders, None])
            return op.ok({"left": STOCK + (change or 0), "orders": taken or []})
        id, units = op.value["id"], op.value["units"]
        await self.transact(["least", stock, units - STOCK], ["add", stock, -units], ["append", orders, [id, units]])
        return op.ok(op.value)
