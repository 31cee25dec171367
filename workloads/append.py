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
from harness.generators import Context, Generator
from harness.generators.protocol import PENDING, Answer, node
from harness.operation import Operation
from workloads.connected import Connected
from workloads.transactions import Transactions


class Append(Transactions):
    """The workload: operations `txn` whose value is a list of `["append", key, element]` and `["r", key, null]`, in
    which a completed read has the list. For the options see `workloads.transactions`.
    """

    name: ClassVar[str] = "append"
    writing: ClassVar[str] = "append"
    model: ClassVar[str] = "list-append"
    expectations: ClassVar[Sequence[str]] = (*NAMED, "list-append", "availability", "recovers")

    def load(self, reads: float) -> Generator:
        return Load(self.keys, self.length, reads, 1)

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
