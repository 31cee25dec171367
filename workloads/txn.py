"""Transactions that write to registers and read them, a few keys each.

Every value is written once in the whole run, so a read tells whose write it saw. Less can be told than of lists
(`workloads.append`): what was written over what is only known where somebody read in between (`checkers.rw_register`).
It is for stores that keep single values alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from checkers.isolation import NAMED
from harness.generators import Context, Generator
from harness.generators.protocol import PENDING, Answer, node
from harness.operation import Operation
from workloads.transactions import Transactions


class Txn(Transactions):
    """The workload: operations `txn` whose value is a list of `["w", key, value]` and `["r", key, null]`, in which a
    completed read has the value. No transaction writes a key twice. For the options see `workloads.transactions`.
    """

    name: ClassVar[str] = "txn"
    writing: ClassVar[str] = "w"
    model: ClassVar[str] = "rw-register"
    expectations: ClassVar[Sequence[str]] = (*NAMED, "rw-register", "availability", "recovers")

    def load(self, reads: float) -> Generator:
        return Load(self.keys, self.length, reads, 1)

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
