"""Transactions that append to lists and read them, a few keys each.

Every element is appended once in the whole run, so a read of a list tells all appends before it and their order:
dependencies between transactions are known, and every isolation level can be judged (`checkers.list_append`).

Lists only grow: a key has `rate * appends per transaction * time / keys` elements in the end, and whoever keeps a list
as one value moves it whole each time. Retiring a key after so many elements was rejected: the last appends to it would
then be read by nobody, and lost ones be missed; more `keys` do the same for long runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from checkers.isolation import NAMED
from harness.client import Indeterminate
from harness.generators import Context, Generator, stagger
from harness.generators.protocol import PENDING, Answer, node
from harness.operation import Operation
from harness.options import integer, number, weights
from workloads.connected import Connected
from workloads.ending import final_reads
from workloads.register import KEYS_MAX, RATE_MAX

STEPS = ("r", "append")

LENGTH_MAX = 64
"""The longest transaction; etcd, for one, takes 128 operations by default, and a step may need two."""


class Append:
    """The workload: operations `txn` whose value is a list of `["append", key, element]` and `["r", key, null]`, in
    which a completed read has the list.

    `keys` is the number of lists, `rate` that of transactions per second over all workers; `length` is the number of
    steps of the longest transaction, of which all lengths are equally likely; `mix` gives shares to `r` and `append`.
    """

    name: ClassVar[str] = "append"
    model: ClassVar[str] = "list-append"
    expectations: ClassVar[Sequence[str]] = (*NAMED, "list-append", "availability", "recovers")

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
        self.mix = weights(self.name, "mix", mix or {"r": 1, "append": 1}, STEPS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        reads = self.mix["r"] / sum(self.mix.values())
        return stagger(1 / self.rate, Load(self.keys, self.length, reads, 1))

    def final(self) -> Generator:
        """Every worker reads every list."""
        return final_reads(Operation("txn", None, [["r", key, None]]) for key in range(self.keys))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells the isolation levels that these are lists."""
        return {"model": self.model} if expectation in NAMED else {}


@node
class Load(Generator):
    """What is next: `reads` is the share of steps that read, `fresh` the next element nobody has used."""

    keys: int
    length: int
    reads: float
    fresh: int

    def op(self, ctx: Context) -> Answer:
        if not ctx.free:
            return PENDING, self
        random, fresh = ctx.random.random, self.fresh
        steps: list[list[Any]] = []
        for _ in range(1 + int(random() * self.length)):
            key = int(random() * self.keys)
            if random() < self.reads:
                steps.append(["r", key, None])
            else:
                steps.append(["append", key, fresh])
                fresh += 1
        return ctx.assign(Operation("txn", None, steps)), Load(self.keys, self.length, self.reads, fresh)


class AppendClient(Connected):
    """The client for bundled stores that take transactions, of this workload."""

    async def invoke(self, op: Operation) -> Operation:
        """A `txn`, all its steps at once. Raises `Failed` or `Indeterminate` as the error says, and `Indeterminate`
        when something was read that cannot be: the answer may be to somebody else's transaction."""
        done = []
        for (f, key, value), result in zip(op.value, await self.transact(*op.value), strict=True):
            if f == "r" and result is not None and not self.may_hold(result):
                raise Indeterminate(
                    {"type": "malformed answer", "text": f"no {type(result).__name__} can be read here"}
                )
            done.append([f, key, result if f == "r" else value])
        return op.ok(done)

    def may_hold(self, value: Any) -> bool:
        """Whether a key can have this value: a list of what was appended."""
        return isinstance(value, list) and all(type(element) is int for element in value)


class RegistersClient(AppendClient):
    """The same, of workloads whose keys are registers."""

    def may_hold(self, value: Any) -> bool:
        """What was written are numbers."""
        return type(value) is int
