"""When: `stagger`, `delay`, `sleep`.

All times a user gives are seconds; all times inside are integer nanoseconds.
"""

from __future__ import annotations

from harness.errors import UsageError
from harness.generators.context import Context
from harness.generators.protocol import Answer, Generator, Liftable, Pending, lift, node
from harness.operation import Operation

CATCH_UP_NS = 10_000_000
"""How much lateness `stagger` and `delay` make good. A busy loop asks a little late each time, which would lower the
rate for good if the next time were counted from there. But after a real stall, with every worker waiting on a dead
node, nobody wants the backlog in one burst."""


def stagger(seconds: float, generator: Liftable) -> Generator:
    """Operations at random times, `seconds` apart on average: the pauses are even between 0 and twice that.

    The rate is that of the whole generator, over all its threads, not of each thread. The first operation comes at
    once.
    """
    return Stagger(_interval("stagger", seconds), -1, lift(generator))


def delay(seconds: float, generator: Liftable) -> Generator:
    """Operations exactly `seconds` apart, or more when no thread is free. The first comes at once."""
    return Delay(_interval("delay", seconds), -1, lift(generator))


def sleep(seconds: float) -> Generator:
    """No operation for that long from the first time it is asked, then nothing: a pause in a sequence. Takes no thread.

    In a bare sequence that is as soon as the operation before it has begun. Under `nemesis`, `each_thread` or `on`,
    which ask nobody while none of their threads is free, a thread of its own sleeps after the operation is complete.
    """
    return Sleep(_interval("sleep", seconds), -1)


def _interval(name: str, seconds: float) -> int:
    if not seconds >= 0:
        raise UsageError(f"{name}: the time must not be negative: {seconds}")
    return round(seconds * 1e9)


@node
class Stagger(Generator):
    """State of `stagger`; `due` is the next time, -1 before the first."""

    interval_ns: int
    due: int
    child: Generator

    def op(self, ctx: Context) -> Answer:
        time, due = ctx.time, self.due
        if due > time:
            return Pending(due), self
        op, child = self.child.op(ctx)
        if child is None:
            return op, None
        if type(op) is Pending:
            return op, self if child is self.child else Stagger(self.interval_ns, due, child)
        pause = int(ctx.random.random() * 2 * self.interval_ns)
        return op, Stagger(self.interval_ns, _base(due, time) + pause, child)

    def update(self, ctx: Context, event: Operation) -> Generator:
        child = self.child.update(ctx, event)
        return self if child is self.child else Stagger(self.interval_ns, self.due, child)


@node
class Delay(Generator):
    """State of `delay`; `due` is the next time, -1 before the first."""

    interval_ns: int
    due: int
    child: Generator

    def op(self, ctx: Context) -> Answer:
        time, due = ctx.time, self.due
        if due > time:
            return Pending(due), self
        op, child = self.child.op(ctx)
        if child is None:
            return op, None
        if type(op) is Pending:
            return op, self if child is self.child else Delay(self.interval_ns, due, child)
        return op, Delay(self.interval_ns, _base(due, time) + self.interval_ns, child)

    def update(self, ctx: Context, event: Operation) -> Generator:
        child = self.child.update(ctx, event)
        return self if child is self.child else Delay(self.interval_ns, self.due, child)


@node
class Sleep(Generator):
    """State of `sleep`; `until` is -1 until it is first asked."""

    duration_ns: int
    until: int

    def op(self, ctx: Context) -> Answer:
        until = self.until if self.until >= 0 else ctx.time + self.duration_ns
        if ctx.time >= until:
            return None, None
        return Pending(until), self if until == self.until else Sleep(self.duration_ns, until)


def _base(due: int, time: int) -> int:
    """Where to count the next pause from: when the operation was due, unless that is long past."""
    return due if due >= 0 and time - due <= CATCH_UP_NS else time
