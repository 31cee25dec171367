"""How much: `once`, `limit`, `repeat`, `cycle`, `time_limit`, `until_ok`, `process_limit`."""

from __future__ import annotations

from harness.errors import UsageError
from harness.generators.context import Context, Crew, members
from harness.generators.protocol import NOTHING, Answer, Generator, Liftable, Pending, lift, node
from harness.operation import Operation, Type


def once(generator: Liftable) -> Generator:
    """The first operation of `generator`, and no more."""
    return limit(1, generator)


def limit(count: int, generator: Liftable) -> Generator:
    """At most `count` operations."""
    if count < 0:
        raise UsageError(f"limit: the count must not be negative: {count}")
    return Limit(count, lift(generator)) if count else NOTHING


def repeat(generator: Liftable, times: int | None = None) -> Generator:
    """The first operation of `generator` again and again: `times` times, or for ever.

    `repeat(Operation("read"))` reads for ever. The generator is asked anew each time but never moves on: what is
    repeated is its first operation. To start a whole generator over when it is exhausted, use `cycle`.
    """
    return _counted("repeat", times) or Repeat(again := lift(generator), again, times)


def cycle(generator: Liftable, times: int | None = None) -> Generator:
    """All of `generator`, then all of it again: `times` times over, or for ever. An empty generator ends it."""
    return _counted("cycle", times) or Cycle(again := lift(generator), again, times, False)


def time_limit(seconds: float, generator: Liftable) -> Generator:
    """`generator` for that long from the first time it is asked, then nothing.

    Ends at the limit also when the generator is waiting, and not before: an operation that it plans for after the
    limit does not end the wait, since an event may still make it come up with an earlier one. An exhausted generator
    ends at once.
    """
    if not seconds >= 0:
        raise UsageError(f"time_limit: the time must not be negative: {seconds}")
    return TimeLimit(round(seconds * 1e9), -1, lift(generator))


def until_ok(generator: Liftable) -> Generator:
    """`generator` until one of its own operations has completed with `ok`."""
    return UntilOk(lift(generator), frozenset())


def process_limit(count: int, generator: Liftable) -> Generator:
    """`generator` until more than `count` different processes could have run it.

    Every process that is on one of the generator's threads when it is asked counts. Each crash brings a new process,
    so this bounds how many operations stay open for ever, and with them the cost of a search by the checker.
    """
    if count < 0:
        raise UsageError(f"process_limit: the count must not be negative: {count}")
    return ProcessLimit(count, None, frozenset(), lift(generator))


def _counted(name: str, times: int | None) -> Generator | None:
    if times is not None and times < 0:
        raise UsageError(f"{name}: the number of times must not be negative: {times}")
    return NOTHING if times == 0 else None


@node
class Limit(Generator):
    """State of `limit`."""

    left: int
    child: Generator

    def op(self, ctx: Context) -> Answer:
        op, child = self.child.op(ctx)
        if child is None:
            return op, None
        if type(op) is not Pending:
            return op, Limit(self.left - 1, child) if self.left > 1 else None
        return op, self if child is self.child else Limit(self.left, child)

    def update(self, ctx: Context, event: Operation) -> Generator:
        child = self.child.update(ctx, event)
        return self if child is self.child else Limit(self.left, child)


@node
class Repeat(Generator):
    """State of `repeat`: `child` is `origin`, or what became of it while it was waiting."""

    origin: Generator
    child: Generator
    left: int | None

    def op(self, ctx: Context) -> Answer:
        op, child = self.child.op(ctx)
        if op is None:
            return None, None
        if type(op) is Pending and child is not None:
            return op, self if child is self.child else Repeat(self.origin, child, self.left)
        if self.left is None:
            return op, self if self.child is self.origin else Repeat(self.origin, self.origin, None)
        return op, Repeat(self.origin, self.origin, self.left - 1) if self.left > 1 else None

    def update(self, ctx: Context, event: Operation) -> Generator:
        origin = self.origin.update(ctx, event)
        child = origin if self.child is self.origin else self.child.update(ctx, event)
        return self if child is self.child and origin is self.origin else Repeat(origin, child, self.left)


@node
class Cycle(Generator):
    """State of `cycle`; `fruitful` once this round has brought an operation."""

    origin: Generator
    child: Generator
    left: int | None
    fruitful: bool

    def op(self, ctx: Context) -> Answer:
        op, child = self.child.op(ctx)
        if op is None:
            return self._over().op(ctx) if self.fruitful else (None, None)
        fruitful = self.fruitful or type(op) is not Pending
        if child is None:
            return op, self._over()
        if child is self.child and fruitful == self.fruitful:
            return op, self
        return op, Cycle(self.origin, child, self.left, fruitful)

    def _over(self) -> Generator:
        left = None if self.left is None else self.left - 1
        return NOTHING if left == 0 else Cycle(self.origin, self.origin, left, False)

    def update(self, ctx: Context, event: Operation) -> Generator:
        child = self.child.update(ctx, event)
        return self if child is self.child else Cycle(self.origin, child, self.left, self.fruitful)


@node
class TimeLimit(Generator):
    """State of `time_limit`; `cutoff` is -1 until it is first asked."""

    limit_ns: int
    cutoff: int
    child: Generator

    def op(self, ctx: Context) -> Answer:
        cutoff = self.cutoff if self.cutoff >= 0 else ctx.time + self.limit_ns
        if ctx.time >= cutoff:
            return None, None
        op, child = self.child.op(ctx)
        if child is None:
            return op, None
        if type(op) is Pending and op.until > cutoff:
            op = Pending(cutoff)
        if child is self.child and cutoff == self.cutoff:
            return op, self
        return op, TimeLimit(self.limit_ns, cutoff, child)

    def update(self, ctx: Context, event: Operation) -> Generator:
        child = self.child.update(ctx, event)
        return self if child is self.child else TimeLimit(self.limit_ns, self.cutoff, child)


@node
class UntilOk(Generator):
    """State of `until_ok`: `mine` are the processes that have one of its operations open."""

    child: Generator
    mine: frozenset[int]

    def op(self, ctx: Context) -> Answer:
        op, child = self.child.op(ctx)
        if child is None and type(op) is not Operation:
            return None, None
        after = NOTHING if child is None else child
        if type(op) is not Operation or op.type is not Type.INVOKE:
            return op, UntilOk(after, self.mine)
        op = ctx.assign(op)
        assert op.process is not None, "assign gives a process to every invocation"
        return op, UntilOk(after, self.mine | {op.process})

    def update(self, ctx: Context, event: Operation) -> Generator:
        child, mine = self.child.update(ctx, event), self.mine
        if event.type is not Type.INVOKE and event.process in mine:
            if event.type is Type.OK:
                return NOTHING
            mine = mine - {event.process}
        return self if child is self.child and mine is self.mine else UntilOk(child, mine)


@node
class ProcessLimit(Generator):
    """State of `process_limit`: `seen` are the processes of every crew so far, `crew` the last of those."""

    count: int
    crew: Crew | None
    seen: frozenset[int]
    child: Generator

    def op(self, ctx: Context) -> Answer:
        seen = self.seen
        if ctx.crew is not self.crew:  # a crew is replaced at every crash, and only then
            seen = seen.union(map(ctx.process, members(ctx.threads)))
        if len(seen) > self.count:
            return None, None
        op, child = self.child.op(ctx)
        if child is None:
            return op, None
        if child is self.child and ctx.crew is self.crew:
            return op, self
        return op, ProcessLimit(self.count, ctx.crew, seen, child)

    def update(self, ctx: Context, event: Operation) -> Generator:
        child = self.child.update(ctx, event)
        return self if child is self.child else ProcessLimit(self.count, self.crew, self.seen, child)
