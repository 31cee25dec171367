"""Locks that workers acquire and release: does one at a time hold each?

Every attempt to acquire brings a token of its own, under which the store keeps the lock, and which a release must name.
A worker that acquired a lock releases it next, and so does one that was left in doubt, whose lock would otherwise be
held for ever by nobody; it names the same token, so it can only ever release what was its own. A release that finds
another token, or none, is refused with what it found (`{"current": token}`), and there is nothing left to release. One
that could not be sent, or was left in doubt in its turn, is tried again.

An acquire that was left in doubt, found nothing to release, and takes effect later yet, holds its lock until it
expires, if the store's locks do. Have enough `keys` for the length of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness.answers import refused
from harness.generators import Context, Generator, lift, stagger
from harness.generators.context import pick
from harness.generators.protocol import PENDING, Answer, node
from harness.generators.table import Table
from harness.operation import Operation, Type
from harness.options import integer, number
from workloads.connected import Connected
from workloads.register import KEYS_MAX, RATE_MAX

Held = tuple[int, int] | None
"""A lock and the token it was (perhaps) acquired with."""


class Lock:
    """The workload: `acquire` and `release`, whose value is the token.

    `keys` is the number of locks, `rate` that of operations per second over all workers.
    """

    name: ClassVar[str] = "lock"
    model: ClassVar[str] = "mutex"
    expectations: ClassVar[Sequence[str]] = ("linearizable", "availability", "recovers")

    def __init__(self, *, keys: int = 20, rate: float = 100, concurrency: int = 10) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        nothing: Table[Held] = Table.of([None] * self.concurrency)
        return stagger(1 / self.rate, Load(self.keys, 1, nothing))

    def final(self) -> Generator:
        """Nothing: a lock that is free in the end proves as little as one that is held."""
        return lift(None)

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Tells `linearizable` that these are mutexes."""
        return {"model": self.model} if expectation == "linearizable" else {}


@node
class Load(Generator):
    """What is next: `fresh` is the next token nobody has used, `held` what each thread has to release."""

    keys: int
    fresh: int
    held: Table[Held]

    def op(self, ctx: Context) -> Answer:
        if not ctx.free:
            return PENDING, self
        thread = pick(ctx.free, ctx.random)
        process = ctx.crew.processes[thread]
        if held := self.held[thread]:
            return Operation("release", held[0], held[1], process), self
        key = int(ctx.random.random() * self.keys)
        return Operation("acquire", key, self.fresh, process), Load(self.keys, self.fresh + 1, self.held)

    def update(self, ctx: Context, event: Operation) -> Generator:
        if event.type is Type.INVOKE or event.f not in ("acquire", "release"):
            return self
        thread = ctx.crew.thread(event.process or 0)
        if event.f == "acquire":
            mine = event.type is not Type.FAIL
        else:
            mine = event.type is Type.INFO or (event.type is Type.FAIL and not refused(event.error))
        held = (int(event.key or 0), int(event.value)) if mine else None
        return self if held == self.held[thread] else Load(self.keys, self.fresh, self.held.put(thread, held))


class LockClient(Connected):
    """The workload's client for bundled stores with a compare-and-set: a lock is a register that holds the token, or
    null."""

    async def invoke(self, op: Operation) -> Operation:
        """`acquire` or `release`. A refusal is `Failed` with the token found as `current`; else as the error says."""
        free, held = (None, op.value) if op.f == "acquire" else (op.value, None)
        await self.ask({"type": "cas", "key": op.key, "from": free, "to": held})
        return op.ok(op.value)
