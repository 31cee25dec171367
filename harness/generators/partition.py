"""Threads divided into groups, each with a generator of its own: what `each_thread`, `reserve` and `keyed` have in
common.

Asking every group each time would cost a thousand questions per operation with a thousand threads. So a group that
waits is put to sleep until the time it named, or until an event on one of its threads: it can see nothing else, hence
nothing else can change its answer. Of those awake, one is asked at a time, on a free thread picked by chance, and the
first operation wins.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from harness.generators.context import Context, pick
from harness.generators.protocol import NOTHING, PENDING, Answer, Generator, Pending, node
from harness.generators.table import Table
from harness.operation import Operation

Naps: TypeAlias = "tuple[tuple[int, int], ...]"
"""Pairs of a time and a group, ascending: who sleeps until when."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Disjoint groups of threads: `masks[group]` is a set of threads, `groups[thread]` a group, or -1 for a thread in
    none."""

    masks: tuple[int, ...]
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Supply:
    """Where a group whose generator has ended gets another: `make(keys[place])`. By default there is no other."""

    keys: Sequence[str | int] = ()
    make: Callable[[str | int], Generator] = lambda _: NOTHING
    place: int = 0

    def take(self) -> tuple[Generator | None, Supply]:
        """The next generator, None when there is no more; and the supply without it."""
        if self.place >= len(self.keys):
            return None, self
        return self.make(self.keys[self.place]), replace(self, place=self.place + 1)


@node
class Divided(Generator):
    """A partition before it is first asked, when it does not yet know its threads."""

    divide: Callable[[int, int], Layout]
    populate: Callable[[Layout], Sequence[Generator]]
    supply: Supply

    def op(self, ctx: Context) -> Answer:
        layout = self.divide(ctx.threads, len(ctx.crew.processes))
        children = Table.of(self.populate(layout))
        return Partition(layout, children, ctx.threads, (), 0, self.supply).op(ctx)


@node
class Partition(Generator):
    """`live` are the threads of groups that have not ended, `asleep` those of groups that sleep, as told by `naps`."""

    layout: Layout
    children: Table[Generator]
    live: int
    naps: Naps
    asleep: int
    supply: Supply

    def op(self, ctx: Context) -> Answer:
        layout, children, live, supply = self.layout, self.children, self.live, self.supply
        naps, asleep = self._woken(ctx.time)
        awake = ctx.free & live & ~asleep
        while awake:
            group = layout.groups[pick(awake, ctx.random)]
            mask = layout.masks[group]
            view = ctx.only(mask)
            op, child = children[group].op(view)
            while child is None and type(op) is not Operation:  # this one has ended: the next, if there is one
                fresh, supply = supply.take()
                if fresh is None:
                    break
                op, child = fresh.op(view)
            if child is not children[group]:
                children = children.put(group, NOTHING if child is None else child)
            if type(op) is Operation:
                op = view.assign(op)
                if children is self.children and naps is self.naps and live == self.live:
                    return op, self
                return op, Partition(layout, children, live, naps, asleep, supply)
            if type(op) is Pending and child is not None:
                naps, asleep = _put_to_sleep(naps, op.until, group), asleep | mask
            else:
                live &= ~mask
            awake &= ~mask
        if not live:
            return None, None
        return Pending(naps[0][0]) if naps else PENDING, Partition(layout, children, live, naps, asleep, supply)

    def _woken(self, time: int) -> tuple[Naps, int]:
        """Who still sleeps at that time."""
        naps, asleep = self.naps, self.asleep
        if naps and naps[0][0] <= time:
            over = bisect(naps, time, key=lambda nap: nap[0])
            for _, group in naps[:over]:
                asleep &= ~self.layout.masks[group]
            naps = naps[over:]
        return naps, asleep

    def update(self, ctx: Context, event: Operation) -> Generator:
        assert event.process is not None, "an event has a process"
        group = self.layout.groups[ctx.crew.thread(event.process)]
        mask = self.layout.masks[group] if group >= 0 else 0
        if not mask & self.live:
            return self
        before = self.children[group]
        child = before.update(ctx.only(mask), event)
        children = self.children if child is before else self.children.put(group, child)
        if mask & self.asleep:
            naps = tuple(nap for nap in self.naps if nap[1] != group)
            return Partition(self.layout, children, self.live, naps, self.asleep & ~mask, self.supply)
        if child is before:
            return self
        return Partition(self.layout, children, self.live, self.naps, self.asleep, self.supply)


def _put_to_sleep(naps: Naps, until: int, group: int) -> Naps:
    place = bisect(naps, (until, group))
    return (*naps[:place], (until, group), *naps[place:])
