"""Independent registers: reads, writes and compare-and-sets on a handful of keys.

Every write and every successful compare-and-set puts a value that no other operation of the run puts anywhere, so each
read tells which operation it saw, and linearizability can be decided in near-linear time. A compare-and-set starts
from the last value its own worker saw of that key, so a fair share succeeds and chains of them form; a refused one
tells the value it found, which counts as seen and as a read. A worker that has seen nothing of a key yet reads it.
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

FUNCTIONS = ("read", "write", "cas")

KEYS_MAX = 100_000
RATE_MAX = 1_000_000

Seen = Table[Table[int | None]]
"""By thread and key: the last value that the thread's worker saw there, None for none."""


class Register:
    """The workload.

    `keys` is the number of registers, `rate` that of operations per second over all workers, `concurrency` that of
    workers; `mix` gives shares to `read`, `write` and `cas`.
    """

    name: ClassVar[str] = "register"
    model: ClassVar[str] = "cas-register"
    expectations: ClassVar[Sequence[str]] = (
        "linearizable",
        "sequential",
        "causal",
        "pram",
        "read-your-writes",
        "monotonic-reads",
        "monotonic-writes",
        "writes-follow-reads",
        "availability",
        "contained",
        "recovers",
        "converges",
        "catches_up",
        "staleness",
        "lost_writes",
    )

    def __init__(
        self,
        *,
        keys: int = 20,
        rate: float = 200,
        mix: Mapping[str, int] | None = None,
        concurrency: int = 10,
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"read": 5, "write": 4, "cas": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        shares = tuple(accumulate(self.mix[f] for f in FUNCTIONS))
        nothing: Table[int | None] = Table.of([None] * self.keys)
        return stagger(1 / self.rate, Load(shares, self.keys, 1, Table.of([nothing] * self.concurrency)))

    def final(self) -> Generator:
        """Every worker reads every key."""
        return final_reads(Operation("read", key) for key in range(self.keys))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells the checkers of single objects that these are compare-and-set registers."""
        return {"model": self.model} if expectation == "linearizable" else {}


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
        reads, writes, total = self.shares
        draw = int(random() * total)
        if draw < reads:
            return Operation("read", key, None, process), self
        fresh = self.fresh
        if draw < writes:
            return Operation("write", key, fresh, process), Load(self.shares, self.keys, fresh + 1, self.seen)
        seen = self.seen[thread][key]
        if seen is None:
            return Operation("read", key, None, process), self
        return Operation("cas", key, [seen, fresh], process), Load(self.shares, self.keys, fresh + 1, self.seen)

    def update(self, ctx: Context, event: Operation) -> Generator:
        if event.type is Type.INVOKE or event.type is Type.INFO:
            return self
        value = seen_by(event)
        if value is None:
            return self
        thread, key = ctx.crew.thread(event.process or 0), int(event.key or 0)
        row = self.seen[thread]
        if row[key] == value:
            return self
        return Load(self.shares, self.keys, self.fresh, self.seen.put(thread, row.put(key, value)))


def seen_by(event: Operation) -> int | None:
    """The value that a completion shows its worker to be there now; None if it shows none, or that there is none."""
    if event.type is Type.OK:
        value = event.value[1] if event.f == "cas" else event.value
    elif event.type is Type.FAIL and event.f == "cas" and isinstance(event.error, Mapping):
        value = event.error.get("current")
    else:
        return None
    return value if isinstance(value, int) else None


class RegisterClient(Connected):
    """The workload's client for stores that speak the bundled protocol, over a connection to one node."""

    async def invoke(self, op: Operation) -> Operation:
        """`read`, `write`, or `cas` of `[from, to]`. Raises `Failed` or `Indeterminate` as the error says; a refused
        `cas` has the value found as `current`."""
        if op.f == "read":
            answer = await self.ask({"type": "read", "key": op.key})
            return op.ok(part(answer, "value"))
        if op.f == "write":
            await self.ask({"type": "write", "key": op.key, "value": op.value})
            return op.ok(op.value)
        if op.f != "cas":
            raise Failed({"text": f"a register has no operation {op.f!r}"})
        old, new = op.value
        await self.ask({"type": "cas", "key": op.key, "from": old, "to": new})
        return op.ok(op.value)
