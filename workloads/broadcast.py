"""Broadcast: every value that is given to one node reaches all of them, and is read there.

The values are one set that everybody reads whole at his own node, all the time and in the end. So for each value it can
be told when it had reached everybody for good, and whether it was lost on the way (`checkers.set_full`).
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
from workloads.register import RATE_MAX
from workloads.set import FUNCTIONS


class Broadcast:
    """The workload: `add` of a value (a whole number), `read` of the list of all that reached the node, in any order.

    `rate` is the number of operations per second over all workers; `mix` gives shares to `add` and `read`.
    """

    name: ClassVar[str] = "broadcast"
    model: ClassVar[str] = "set-full"
    expectations: ClassVar[Sequence[str]] = (
        "set-full",
        "set-final",
        "availability",
        "recovers",
        "converges",
        "catches_up",
    )

    def __init__(self, *, rate: float = 50, mix: Mapping[str, int] | None = None, concurrency: int = 10) -> None:
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"add": 1, "read": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        adds = random.random() * sum(self.mix.values()) < self.mix["add"]
        return Operation("add", "all", fresh) if adds else Operation("read", "all")

    def final(self) -> Generator:
        """Everybody reads what reached his node."""
        return final_reads([Operation("read", "all")])

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Nothing."""
        return {}
