"""Sets that only grow: adds and reads throughout, and a read of everything in the end.

Every element is added once in the whole run, so for each it can be told when it became visible, whether it was lost
after it had been acknowledged, and how long reads were stale (`checkers.set_full`). A read moves a whole set: keep its
share small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness.generators import Context, Generator, stagger
from harness.generators.protocol import PENDING, Answer, node
from harness.operation import Operation
from harness.options import integer, number, weights
from workloads.connected import Connected
from workloads.ending import final_reads
from workloads.register import KEYS_MAX, RATE_MAX

FUNCTIONS = ("add", "read")


class Set:
    """The workload: `add` of an element (a whole number), `read` of the list of all, in any order.

    `keys` is the number of sets, `rate` that of operations per second over all workers; `mix` gives shares to `add`
    and `read`.
    """

    name: ClassVar[str] = "set"
    model: ClassVar[str] = "set"
    expectations: ClassVar[Sequence[str]] = (
        "set-full",
        "set-final",
        "linearizable",
        "availability",
        "recovers",
        "converges",
        "catches_up",
    )

    def __init__(
        self, *, keys: int = 10, rate: float = 200, mix: Mapping[str, int] | None = None, concurrency: int = 10
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"add": 4, "read": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        adds = self.mix["add"] / sum(self.mix.values())
        return stagger(1 / self.rate, Load(self.keys, adds, 1))

    def final(self) -> Generator:
        """Every worker reads every set."""
        return final_reads(Operation("read", key) for key in range(self.keys))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells `linearizable` that these are sets."""
        return {"model": self.model} if expectation == "linearizable" else {}


@node
class Load(Generator):
    """What is next: `adds` is their share, `fresh` the next element nobody has used."""

    keys: int
    adds: float
    fresh: int

    def op(self, ctx: Context) -> Answer:
        if not ctx.free:
            return PENDING, self
        key = int(ctx.random.random() * self.keys)
        if ctx.random.random() < self.adds:
            return ctx.assign(Operation("add", key, self.fresh)), Load(self.keys, self.adds, self.fresh + 1)
        return ctx.assign(Operation("read", key)), self


class SetClient(Connected):
    """The workload's client for bundled stores that take transactions: a set is a list that elements are appended
    to. What it reads is sorted, so that equal sets are equal (`converges`)."""

    async def invoke(self, op: Operation) -> Operation:
        """`add` or `read`. Raises `Failed` or `Indeterminate` as the error says."""
        if op.f == "add":
            await self.transact(["append", op.key, op.value])
            return op.ok(op.value)
        [found] = await self.transact(["r", op.key, None])
        return op.ok(sorted(found or [], key=str))
