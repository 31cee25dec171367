"""Long forks: do all who read see independent writes come in the same order?

Keys are written once, one after the other. Groups of neighbouring keys are read in one transaction while they are being
written, so that two reads can show two writes in opposite orders (`checkers.long_fork`): then each was made on a branch
that the other did not know of, which even parallel snapshot isolation allows, and snapshot isolation forbids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from harness.generators import Generator, lift, stagger
from harness.operation import Operation
from harness.options import integer, number
from workloads.drawn import Drawn
from workloads.register import RATE_MAX
from workloads.transactions import LENGTH_MAX


class LongFork:
    """The workload: operations `txn` whose value is one `["w", key, 1]`, or `["r", key, null]` for each key of a group.

    `rate` is the number of transactions per second over all workers, `group` that of keys read at once. Every second
    transaction writes, and of a group as many keys as that makes.
    """

    name: ClassVar[str] = "long-fork"
    model: ClassVar[str] = "long-fork"
    expectations: ClassVar[Sequence[str]] = ("long-fork", "availability", "recovers")

    def __init__(self, *, rate: float = 200, group: int = 8, concurrency: int = 10) -> None:
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.group = integer(self.name, "group", group, min=2, max=LENGTH_MAX)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        if random.random() < 0.5:
            return Operation("txn", None, [["w", fresh, 1]])
        first = max(0, fresh // self.group - random.randrange(2)) * self.group
        return Operation("txn", None, [["r", key, None] for key in range(first, first + self.group)])

    def final(self) -> Generator:
        """Nothing: in the end all writes are seen, which tells no order."""
        return lift(None)

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Nothing."""
        return {}
