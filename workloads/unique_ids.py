"""Identifiers: whoever asks is given one that nobody else is ever given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness.generators import Generator, lift, repeat, stagger
from harness.operation import Operation
from harness.options import integer, number
from workloads.connected import Connected
from workloads.register import RATE_MAX


class UniqueIds:
    """The workload: `generate`, which returns an identifier, any value but null.

    `rate` is the number of operations per second over all workers.
    """

    name: ClassVar[str] = "unique-ids"
    model: ClassVar[str] = "unique-ids"
    expectations: ClassVar[Sequence[str]] = ("unique-ids", "availability", "recovers")

    def __init__(self, *, rate: float = 200, concurrency: int = 10) -> None:
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, repeat(Operation("generate")))

    def final(self) -> Generator:
        """Nothing: an identifier that came twice has come twice."""
        return lift(None)

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Nothing."""
        return {}


class UniqueIdsClient(Connected):
    """The workload's client for bundled stores that take transactions: the next number of one counter for all."""

    async def invoke(self, op: Operation) -> Operation:
        """`generate`. Raises `Failed` or `Indeterminate` as the error says."""
        [number] = await self.transact(["add", "identifiers", 1])
        return op.ok(number)
