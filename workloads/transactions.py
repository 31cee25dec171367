"""What workloads of transactions have in common: options, pace, and that everything is read in the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from harness.generators import Generator, stagger
from harness.operation import Operation
from harness.options import integer, number, weights
from workloads.ending import final_reads
from workloads.register import KEYS_MAX, RATE_MAX

LENGTH_MAX = 64
"""The longest transaction; etcd, for one, takes 128 operations by default, and a step may need two."""


class Transactions(ABC):
    """A workload of operations `txn` whose value is a list of steps: reads `["r", key, null]`, and writes, each of a
    value of its own.

    `keys` is the number of objects, `rate` that of transactions per second over all workers; `length` is the number of
    steps of the longest transaction, of which all lengths are equally likely; `mix` gives shares to the two steps.
    """

    name: ClassVar[str]
    writing: ClassVar[str]
    """The step that is not `r`."""

    def __init__(
        self,
        *,
        keys: int = 20,
        rate: float = 100,
        length: int = 4,
        mix: Mapping[str, int] | None = None,
        concurrency: int = 10,
    ) -> None:
        steps = ("r", self.writing)
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.length = integer(self.name, "length", length, min=1, max=LENGTH_MAX)
        self.mix = weights(self.name, "mix", mix or dict.fromkeys(steps, 1), steps)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    @abstractmethod
    def load(self, reads: float) -> Generator:
        """Transaction after transaction, as fast as they are asked for; `reads` is the share of steps that read."""

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, self.load(self.mix["r"] / sum(self.mix.values())))

    def final(self) -> Generator:
        """Every worker reads every object."""
        return final_reads(Operation("txn", None, [["r", key, None]]) for key in range(self.keys))
