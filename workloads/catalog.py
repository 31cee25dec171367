"""A shop's catalog: many browse, few update, and some products are far more popular than others.

Whoever browses wants an answer, and forgives a price of a few seconds ago; whether that is offered is what availability
of `read` alone says (`{availability: {of: read}}`), and how old it is what `staleness` says. Every update puts a
revision that no other puts anywhere, so each read tells which update it saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from harness.generators import Generator, stagger
from harness.operation import Operation
from harness.options import integer, number, weights
from workloads.drawn import Drawn
from workloads.ending import final_reads
from workloads.register import KEYS_MAX, RATE_MAX

FUNCTIONS = ("read", "write")


class Catalog:
    """The workload: `read` of a product, `write` of its next revision (a whole number).

    `products` is their number, `rate` that of operations per second over all workers; `mix` gives shares to `read` and
    `write`. Half of all operations go to a quarter of the products.
    """

    name: ClassVar[str] = "catalog"
    asks_for: ClassVar[Mapping[str, str]] = {"read": "pages", "write": "updates"}
    model: ClassVar[str] = "register"
    expectations: ClassVar[Sequence[str]] = (
        "availability",
        "staleness",
        "stale_reads",
        "converges",
        "catches_up",
        "lost_writes",
        "linearizable",
        "sequential",
        "causal",
        "pram",
        "monotonic-reads",
        "read-your-writes",
        "recovers",
    )

    def __init__(
        self, *, products: int = 20, rate: float = 200, mix: Mapping[str, int] | None = None, concurrency: int = 10
    ) -> None:
        self.products = integer(self.name, "products", products, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"read": 9, "write": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        product = int(random.random() ** 2 * self.products)
        if random.random() * sum(self.mix.values()) < self.mix["read"]:
            return Operation("read", product)
        return Operation("write", product, fresh)

    def final(self) -> Generator:
        """Every worker reads every product."""
        return final_reads(Operation("read", product) for product in range(self.products))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells `linearizable` that these are registers."""
        return {"model": self.model} if expectation == "linearizable" else {}
