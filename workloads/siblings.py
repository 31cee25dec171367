"""Registers that keep concurrent writes side by side: reads of all siblings, writes and removals over what was read.

Every write puts a value that nobody else writes. A worker writes or removes with the context of its last read of that
key, or, now and then, with none, as one who has never read it. What it had read is told with the operation (`over`),
so the history alone says which values a write was meant to replace, and `checkers.siblings` can judge what became of
all others.

    read    -> {"values": [3, 7], "context": {...}}
    write      {"value": 9, "over": [3, 7], "context": {...}}
    remove     {"over": [9], "context": {...}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, ClassVar

from harness.client import Failed
from harness.generators import Context, Generator, stagger
from harness.generators.context import pick
from harness.generators.protocol import PENDING, Answer, node
from harness.generators.table import Table
from harness.operation import Operation, Type
from harness.options import integer, number, weights
from workloads.connected import Connected, part
from workloads.ending import final_reads
from workloads.register import KEYS_MAX, RATE_MAX

FUNCTIONS = ("read", "write", "blind", "remove")

UNREAD: Mapping[str, Any] = {"values": [], "context": {}}

Seen = Table[Table[Mapping[str, Any]]]
"""By thread and key: what the thread's worker read there last."""


class Siblings:
    """The workload. `mix` gives shares to `read`, `write`, `remove`, and `blind`, which is a write without a
    context."""

    name: ClassVar[str] = "siblings"
    model: ClassVar[str] = "siblings"
    expectations: ClassVar[Sequence[str]] = ("siblings", "availability", "recovers", "converges", "catches_up")

    def __init__(
        self, *, keys: int = 10, rate: float = 100, mix: Mapping[str, int] | None = None, concurrency: int = 10
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"read": 8, "write": 5, "blind": 1, "remove": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        shares = tuple(accumulate(self.mix[f] for f in FUNCTIONS))
        nothing: Table[Mapping[str, Any]] = Table.of([UNREAD] * self.keys)
        return stagger(1 / self.rate, Load(shares, self.keys, 1, Table.of([nothing] * self.concurrency)))

    def final(self) -> Generator:
        """Every worker reads every key."""
        return final_reads(Operation("read", key) for key in range(self.keys))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Nothing to add."""
        return {}


@node
class Load(Generator):
    """What is next: `shares` are running sums over `FUNCTIONS`, `fresh` is the next value nobody has used."""

    shares: tuple[int, ...]
    keys: int
    fresh: int
    seen: Seen

    def op(self, ctx: Context) -> Answer:
        if not ctx.free:
            return PENDING, self
        random = ctx.random.random
        thread = pick(ctx.free, ctx.random)
        process = ctx.crew.processes[thread]
        key = int(random() * self.keys)
        reads, writes, blinds, total = self.shares
        draw = int(random() * total)
        seen = self.seen[thread][key]
        if draw < reads or (draw >= blinds and not seen["values"]):
            return Operation("read", key, None, process), self
        if writes <= draw < blinds:
            seen = UNREAD
        what = {"over": seen["values"], "context": seen["context"]}
        if draw >= blinds:
            return Operation("remove", key, what, process), self
        write = Operation("write", key, {"value": self.fresh, **what}, process)
        return write, Load(self.shares, self.keys, self.fresh + 1, self.seen)

    def update(self, ctx: Context, event: Operation) -> Generator:
        if event.type is not Type.OK or event.f != "read":
            return self
        thread, key = ctx.crew.thread(event.process or 0), int(event.key or 0)
        row = self.seen[thread].put(key, event.value)
        return Load(self.shares, self.keys, self.fresh, self.seen.put(thread, row))


class SiblingsClient(Connected):
    """The workload's client for bundled stores: it carries contexts as they are, and knows nothing of clocks."""

    async def invoke(self, op: Operation) -> Operation:
        """`read`, `write` or `remove`. Raises `Failed` or `Indeterminate` as the error says."""
        if op.f == "read":
            answer = await self.ask({"type": "read", "key": op.key})
            return op.ok({"values": part(answer, "values"), "context": part(answer, "context")})
        if op.f not in ("write", "remove"):
            raise Failed({"text": f"siblings have no operation {op.f!r}"})
        value = {"value": op.value["value"]} if op.f == "write" else {}
        await self.ask({"type": op.f, "key": op.key, "context": op.value["context"], **value})
        return op.ok(op.value)
