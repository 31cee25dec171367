"""Who: `clients`, `nemesis`, `on`, `reserve`, `each_thread`, `each_process`, and `keyed`, which also says about which
key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from harness.errors import UsageError
from harness.generators.context import Context, Crew, members
from harness.generators.partition import Divided, Layout, Supply
from harness.generators.protocol import NOTHING, PENDING, Answer, Generator, Liftable, Pending, lift, node
from harness.operation import Operation, Type

AWAKE = Pending(-1)
"""The rest of a generator that does not rest."""

Selector = Callable[[Crew], int]
"""Which threads: a set of bits, for a crew."""


def clients(generator: Liftable) -> Generator:
    """`generator` on the client threads only; it sees only their events."""
    return Route("clients", lambda crew: crew.clients, lift(generator))


def nemesis(which: int | str, generator: Liftable) -> Generator:
    """`generator` on the thread of one nemesis, by position or name; it sees only that nemesis's events.

    Each nemesis has a thread of its own, so `any(nemesis("partition", cuts), nemesis("kill", kills))` injects kills
    while a cut is slow.
    """
    return Route(f"nemesis {which}", lambda crew: crew.nemesis(which), lift(generator))


def on(threads: Iterable[int] | Callable[[int], bool], generator: Liftable) -> Generator:
    """`generator` on these threads only, or on those for which a function of the thread's number is true; it sees
    only their events.

    As `clients` and `nemesis`, raises `UsageError` when first asked if it is left with no thread at all.
    """
    if callable(threads):
        wanted = threads
        return Route("on", lambda crew: sum(1 << t for t in members(crew.threads) if wanted(t)), lift(generator))
    mask = sum(1 << thread for thread in {*threads})
    return Route("on", lambda crew: mask, lift(generator))


def reserve(*ranges: tuple[int, Liftable], default: Liftable = None) -> Generator:
    """Threads set apart: `reserve((5, writes), (3, cas), default=reads)` gives the first five threads to `writes`, the
    next three to `cas`, and all others to `default`. Counts the threads it may use, so `clients(reserve(...))` is what
    one wants beside nemeses.

    Raises `UsageError` when first asked if there are fewer threads than set apart.
    """
    if wrong := [count for count, _ in ranges if count < 1]:
        raise UsageError(f"reserve: a range has at least one thread: {wrong[0]}")
    counts = tuple(count for count, _ in ranges)
    children = (*(lift(generator) for _, generator in ranges), lift(default))
    return Divided(lambda threads, size: _ranges(threads, size, counts), lambda _: children, Supply())


def each_thread(generator: Liftable) -> Generator:
    """A `generator` for each thread, that it has to itself. Ends when all have ended."""
    child = lift(generator)
    return Divided(_one_each, lambda layout: (child,) * len(layout.masks), Supply())


def each_process(generator: Liftable) -> Generator:
    """A `generator` for each process: as `each_thread`, but a thread whose process has crashed starts anew with its
    next process."""
    child = lift(generator)
    return each_thread(PerProcess(child, child, None))


def keyed(
    keys: Iterable[str | int], make: Callable[[str | int], Liftable], threads_per_key: int | None = None
) -> Generator:
    """Many independent keys: threads in groups of `threads_per_key` (default: all in one group), each group working on
    one key at a time.

    A group plays `make(key)`, whose operations get that key, to its end and then takes the next of `keys`, which
    nobody else takes. Short histories per key keep expensive checkers affordable. For keys without end give a `range`:
    other iterables are read in full first. Counts the threads it may use: beside nemeses, say `clients(keyed(...))`.
    Raises `UsageError` when first asked if they cannot be divided evenly.
    """
    if threads_per_key is not None and threads_per_key < 1:
        raise UsageError(f"keyed: a key needs at least one thread: {threads_per_key}")
    sequence = keys if isinstance(keys, Sequence) else tuple(keys)
    return Divided(
        lambda threads, size: _groups(threads, size, threads_per_key or max(1, threads.bit_count())),
        lambda layout: (NOTHING,) * len(layout.masks),
        Supply(sequence, lambda key: Tag(key, lift(make(key)))),
    )


@node
class Route(Generator):
    """State of `clients`, `nemesis` and `on` before it is first asked, when it does not yet know the crew."""

    name: str
    select: Selector
    child: Generator

    def op(self, ctx: Context) -> Answer:
        threads = self.select(ctx.crew) & ctx.threads
        if (
            not threads
        ):  # it could never do anything, and a test that quietly leaves out its faults passes for the wrong reason
            raise UsageError(f"{self.name}: none of its threads is among the {ctx.threads.bit_count()} it may use here")
        return On(threads, self.child, AWAKE).op(ctx)


@node
class On(Generator):
    """A generator on a set of threads, which sees nothing but what goes on there.

    So when it waits, nothing but time or an event on these threads can change its answer, and it need not be asked
    again before: `rest` is what it said. With half a dozen nemeses that wait beside a busy load, this halves the cost
    of an operation.
    """

    threads: int
    child: Generator
    rest: Pending

    def op(self, ctx: Context) -> Answer:
        if ctx.time < self.rest.until:
            return self.rest, self
        if not ctx.free & self.threads:
            return PENDING, self
        view = ctx.only(self.threads)
        op, child = self.child.op(view)
        if child is None:
            return (view.assign(op), None) if type(op) is Operation else (None, None)
        if type(op) is Pending:
            return op, On(self.threads, child, op)
        if type(op) is Operation:
            op = view.assign(op)
        return op, self if child is self.child else On(self.threads, child, AWAKE)

    def update(self, ctx: Context, event: Operation) -> Generator:
        process, concurrency = event.process or 0, ctx.crew.concurrency
        thread = process % concurrency if process >= 0 else concurrency - 1 - process
        if not self.threads >> thread & 1:
            return self
        child = self.child.update(ctx.only(self.threads), event)
        return self if child is self.child and self.rest is AWAKE else On(self.threads, child, AWAKE)


@node
class PerProcess(Generator):
    """State of `each_process` on one thread: `child` is what is left of `origin` for `process`."""

    origin: Generator
    child: Generator
    process: int | None

    def op(self, ctx: Context) -> Answer:
        process = ctx.process(ctx.threads.bit_length() - 1)
        op, child = (self.child if process == self.process else self.origin).op(ctx)
        if op is None:
            return None, None  # a thread without an open operation cannot crash: no other process will follow
        return op, PerProcess(self.origin, NOTHING if child is None else child, process)

    def update(self, ctx: Context, event: Operation) -> Generator:
        child = self.child.update(ctx, event)
        return self if child is self.child else PerProcess(self.origin, child, self.process)


@node
class Tag(Generator):
    """Gives a key to every operation of a generator, and shows it only events with that key."""

    key: str | int
    child: Generator

    def op(self, ctx: Context) -> Answer:
        op, child = self.child.op(ctx)
        if type(op) is Operation and op.type is Type.INVOKE:
            op = op._replace(key=self.key)
        if child is None:
            return op, None
        return op, self if child is self.child else Tag(self.key, child)

    def update(self, ctx: Context, event: Operation) -> Generator:
        if event.key != self.key:
            return self
        child = self.child.update(ctx, event)
        return self if child is self.child else Tag(self.key, child)


def _one_each(threads: int, size: int) -> Layout:
    places = list(members(threads))
    groups = [-1] * size
    for group, thread in enumerate(places):
        groups[thread] = group
    return Layout(tuple(1 << thread for thread in places), tuple(groups))


def _groups(threads: int, size: int, width: int) -> Layout:
    count = threads.bit_count()
    if count % width:
        raise UsageError(
            f"keyed: {count} threads cannot be divided into groups of {width}: choose a concurrency that can"
        )
    return _layout([width] * (count // width), threads, size)


def _ranges(threads: int, size: int, counts: Sequence[int]) -> Layout:
    left = threads.bit_count() - sum(counts)
    if left < 0:
        raise UsageError(f"reserve: {sum(counts)} threads are set apart, but there are only {threads.bit_count()}")
    return _layout([*counts, left], threads, size)


def _layout(counts: Sequence[int], threads: int, size: int) -> Layout:
    places = list(members(threads))
    masks, groups = [], [-1] * size
    for group, count in enumerate(counts):
        mine, places = places[:count], places[count:]
        masks.append(sum(1 << thread for thread in mine))
        for thread in mine:
            groups[thread] = group
    return Layout(tuple(masks), tuple(groups))
