"""Looking on: `log`, `on_update`, `trace`."""

from __future__ import annotations

from collections.abc import Callable

from harness.generators.context import Context
from harness.generators.protocol import NOTHING, Answer, Generator, Liftable, Single, lift, node
from harness.operation import Operation, Type

LOG = "log"
"""`f` of a remark: an operation of type `info`, which the interpreter logs instead of performing it. It needs no
thread and leaves no trace in the history."""

Handler = Callable[[Generator, Context, Operation], Liftable]
"""Takes the generator, the moment and the event; returns the generator to go on with."""


def log(message: str) -> Generator:
    """Says `message` once, when its turn comes, and does nothing else. For landmarks: `phases(log("load"), load,
    log("final"), reads)`."""
    return Single(Operation(LOG, value=message, type=Type.INFO))


def on_update(handler: Handler, generator: Liftable) -> Generator:
    """`generator`, which `handler` may replace at each event. For schedules that react: "once a read has seen x, go on
    with ..."

    `handler(generator, ctx, event)` gets the generator as it is before the event, and returns `generator.update(ctx,
    event)` when it does not mean to interfere, `generator` when the event is to be kept from it, or another generator.
    """
    return OnUpdate(handler, lift(generator))


def trace(name: str, generator: Liftable, write: Callable[[str], object]) -> Generator:
    """`generator`, with a line to `write` for each answer it gives and each event it sees: for finding out why a
    schedule does what it does."""
    return Trace(name, lift(generator), write)


@node
class OnUpdate(Generator):
    """State of `on_update`."""

    handler: Handler
    child: Generator

    def op(self, ctx: Context) -> Answer:
        op, child = self.child.op(ctx)
        if op is None:
            return None, None
        if child is self.child:
            return op, self
        return op, OnUpdate(
            self.handler, NOTHING if child is None else child
        )  # its end may still be overruled by an event

    def update(self, ctx: Context, event: Operation) -> Generator:
        child = lift(self.handler(self.child, ctx, event))
        return self if child is self.child else OnUpdate(self.handler, child)


@node
class Trace(Generator):
    """State of `trace`."""

    name: str
    child: Generator
    write: Callable[[str], object]

    def op(self, ctx: Context) -> Answer:
        op, child = self.child.op(ctx)
        self.write(f"{self.name} at {ctx.time} ns, free {ctx.free:b}: {op}")
        if child is None:
            return op, None
        return op, self if child is self.child else Trace(self.name, child, self.write)

    def update(self, ctx: Context, event: Operation) -> Generator:
        self.write(f"{self.name} sees {event}")
        child = self.child.update(ctx, event)
        return self if child is self.child else Trace(self.name, child, self.write)
