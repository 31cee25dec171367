"""Transactions that write to registers and read them, a few keys each.

Every value is written once in the whole run, so a read tells whose write it saw. Less can be told than of lists
(`workloads.append`): what was written over what is only known where somebody read in between (`checkers.rw_register`).
It is for stores that keep single values alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from checkers.isolation import NAMED
from harness.generators import Context, Generator, stagger
from harness.generators.protocol import PENDING, Answer, node
from harness.operation import Operation
from harness.options import integer, number, weights
from workloads.append import LENGTH_MAX
from workloads.ending import final_reads
from workloads.register import KEYS_MAX, RATE_MAX

STEPS = ("r", "w")


class Txn:
    """The workload: operations `txn` whose value is a list of `["w", key, value]` and `["r", key, null]`, in which a
    completed read has the value.

    `keys` is the number of registers, `rate` that of transactions per second over all workers; `length` is the number
    of steps of the longest transaction, of which all lengths are equally likely; `mix` gives shares to `r` and `w`. No
    transaction writes a key twice.
    """

    name: ClassVar[str] = "txn"
    model: ClassVar[str] = "rw-register"
    expectations: ClassVar[Sequence[str]] = (*NAMED, "rw-register", "availability", "recovers")

    def __init__(
        self,
        *,
        keys: int = 20,
        rate: float = 100,
        length: int = 4,
        mix: Mapping[str, int] | None = None,
        concurrency: int = 10,
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.length = integer(self.name, "length", length, min=1, max=LENGTH_MAX)
        self.mix = weights(self.name, "mix", mix or {"r": 1, "w": 1}, STEPS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        reads = self.mix["r"] / sum(self.mix.values())
        return stagger(1 / self.rate, Load(self.keys, self.length, reads, 1))

    def final(self) -> Generator:
        """Every worker reads every register."""
        return final_reads(Operation("txn", None, [["r", key, None]]) for key in range(self.keys))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells the isolation levels that these are registers; the strictest, that each is linearizable by itself.

        A strictly serializable store's registers are, so for that level it is no assumption, and it tells the order of
        versions that nobody read and wrote in one transaction. Which weaker levels fall with it is then told too much.
        """
        if expectation == "strict-serializable":
            return {"model": self.model, "linearizable_keys": True}
        return {"model": self.model} if expectation in NAMED else {}


@node
class Load(Generator):
    """What is next: `reads` is the share of steps that read, `fresh` the next value nobody has used."""

    keys: int
    length: int
    reads: float
    fresh: int

    def op(self, ctx: Context) -> Answer:
        if not ctx.free:
            return PENDING, self
        random, fresh = ctx.random.random, self.fresh
        steps: list[list[Any]] = []
        written: set[int] = set()
        for _ in range(1 + int(random() * self.length)):
            key = int(random() * self.keys)
            if random() < self.reads or key in written:
                steps.append(["r", key, None])
            else:
                written.add(key)
                steps.append(["w", key, fresh])
                fresh += 1
        return ctx.assign(Operation("txn", None, steps)), Load(self.keys, self.length, self.reads, fresh)
