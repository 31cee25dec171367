"""How a run ends: when everything is healed and has settled, every worker reads everything.

A worker whose node answers is patient: each read is tried again and again. One whose node has been silent for long
leaves the rest, or a store that never answers would be asked for a quarter of an hour after its load.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.generators import Context, Generator, delay, each_thread, limit, repeat, until_ok
from harness.generators.protocol import Answer, Pending, lift, node
from harness.operation import Operation, Type

FINAL_TRIES = 20
FINAL_PAUSE_S = 0.25

SILENCE_S_MAX = 30.0
"""How long a worker goes on without a single answer."""


def final_reads(reads: Iterable[Operation]) -> Generator:
    """Every worker does each read until it has an answer, or has tried `FINAL_TRIES` times; none once it has had no
    answer for `SILENCE_S_MAX`."""
    return each_thread(Unless(-1, lift([tried(read) for read in reads])))


def tried(operation: Operation) -> Generator:
    """An operation until it has an answer, or was tried `FINAL_TRIES` times."""
    return until_ok(limit(FINAL_TRIES, delay(FINAL_PAUSE_S, repeat(operation))))


@node
class Unless(Generator):
    """One thread's `child`, unless nothing was answered for `SILENCE_S_MAX`. `heard` is when something last was, or
    when it was first asked; -1 before."""

    heard: int
    child: Generator

    def op(self, ctx: Context) -> Answer:
        heard = ctx.time if self.heard < 0 else self.heard
        until = heard + round(SILENCE_S_MAX * 1e9)
        if ctx.time >= until:
            return None, None
        op, child = self.child.op(ctx)
        if child is None:
            return op, None
        if type(op) is Pending and op.until > until:
            op = Pending(until)
        return op, Unless(heard, child)

    def update(self, ctx: Context, event: Operation) -> Generator:
        heard = event.time if event.type is Type.OK else self.heard
        return Unless(heard, self.child.update(ctx, event))
