"""Which: `mix`, `weighted`, `any`, `flip_flop`.

None of these is ever stalled by a child that waits: the choice is among the children that have an operation now.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise
from operator import is_

from harness.errors import UsageError
from harness.generators.context import NEVER, Context
from harness.generators.protocol import NOTHING, PENDING, Answer, Generator, Liftable, Pending, lift, node
from harness.generators.routing import On
from harness.operation import Operation

EVERYONE = -1
"""Every thread there may ever be: all bits."""


def mix(*generators: Liftable) -> Generator:
    """Operations of all the generators, each time of one picked by chance. Ends when all have ended."""
    return weighted(*((1, generator) for generator in generators))


def weighted(*choices: tuple[int, Liftable]) -> Generator:
    """As `mix`, picked in proportion to whole-number weights: `weighted((5, read), (4, write), (1, cas))`. Weight 0 is
    left out."""
    for weight, _ in choices:
        if weight < 0 or weight != int(weight):
            raise UsageError(f"weighted: weights are whole numbers from 0: {weight}")
    taken = [(int(weight), lift(generator)) for weight, generator in choices if weight]
    return Mix(tuple(accumulate(weight for weight, _ in taken)), tuple(generator for _, generator in taken))


def any(*generators: Liftable) -> Generator:
    """Whichever generator has an operation soonest; chance decides between several that have one now. Ends when all
    have ended.

    For parts that run side by side: `any(clients(load), nemesis("partition", cuts), nemesis("kill", kills))`.
    """
    return Any.of(tuple(lift(generator) for generator in generators))


def flip_flop(first: Liftable, second: Liftable) -> Generator:
    """One operation of `first`, one of `second`, one of `first`, ... Ends when the one whose turn it is has ended."""
    return FlipFlop(lift(first), lift(second))


@node
class Any(Generator):
    """State of `any`. Asks in turn from a random place on, so a child that always has something starves nobody.

    `scopes` are the threads whose events each child wants to see: most children are bound to threads, and asking each
    of half a dozen about each event would cost as much as all the rest.
    """

    children: tuple[Generator, ...]
    scopes: tuple[int, ...]

    @classmethod
    def of(cls, children: tuple[Generator, ...]) -> Any:
        """With the scopes of these children."""
        return cls(children, tuple(child.threads if isinstance(child, On) else EVERYONE for child in children))

    def op(self, ctx: Context) -> Answer:
        children = self.children
        count, wake, fresh = len(children), NEVER, False
        start = int(ctx.random.random() * count)
        for step in range(start, start + count):
            place = step if step < count else step - count
            before = children[place]
            op, child = before.op(ctx)
            if child is None:
                child, fresh = NOTHING, True
            if child is not before:
                fresh = fresh or type(child) is not type(before)
                children = (*children[:place], child, *children[place + 1 :])
            if type(op) is Operation:
                break
            if type(op) is Pending and op.until < wake:
                wake = op.until
        else:
            op = Pending(wake)
        if not fresh and count:
            return op, self if children is self.children else Any(children, self.scopes)
        if left := tuple(child for child in children if child is not NOTHING):
            return op, Any.of(left)
        return op if type(op) is Operation else None, None

    def update(self, ctx: Context, event: Operation) -> Generator:
        children, fresh = self.children, False
        assert event.process is not None, "an event has a process"
        actor = 1 << ctx.crew.thread(event.process)
        for place, scope in enumerate(self.scopes):
            if scope & actor:
                child = children[place].update(ctx, event)
                if child is not children[place]:
                    fresh = fresh or type(child) is not type(children[place])
                    children = (*children[:place], child, *children[place + 1 :])
        if children is self.children:
            return self
        return Any.of(children) if fresh else Any(children, self.scopes)


@node
class Mix(Generator):
    """State of `mix` and `weighted`; `sums` are the running sums of the children's weights."""

    sums: tuple[int, ...]
    children: tuple[Generator, ...]

    def op(self, ctx: Context) -> Answer:
        if not self.children:
            return None, None
        if not ctx.free:
            return PENDING, self
        place = bisect_right(self.sums, int(ctx.random.random() * self.sums[-1]))
        before = self.children[place]
        op, child = before.op(ctx)
        if type(op) is not Operation:
            return self._ask_others(ctx, place, op, child)
        if child is before:
            return op, self
        if child is not None:
            return op, Mix(self.sums, (*self.children[:place], child, *self.children[place + 1 :]))
        return op, _mix(self._weights(), [*self.children[:place], None, *self.children[place + 1 :]])

    def _weights(self) -> list[int]:
        return [after - before for before, after in pairwise((0, *self.sums))]

    def _ask_others(self, ctx: Context, place: int, op: Operation | Pending | None, child: Generator | None) -> Answer:
        """The child first picked waits or has ended: picks among the rest until one has an operation."""
        states: list[Generator | None] = [*self.children]
        states[place] = child
        weights = self._weights()
        left = [other for other in range(len(states)) if other != place]
        wake = op.until if type(op) is Pending else NEVER
        while left:
            sums = list(accumulate(weights[other] for other in left))
            place = left.pop(bisect_right(sums, int(ctx.random.random() * sums[-1])))
            op, states[place] = self.children[place].op(ctx)
            if type(op) is Operation:
                return op, _mix(weights, states)
            if type(op) is Pending:
                wake = min(wake, op.until)
        after = _mix(weights, states)
        return (None if after is None else Pending(wake)), after

    def update(self, ctx: Context, event: Operation) -> Generator:
        children = _updated(self.children, ctx, event)
        return self if children is self.children else Mix(self.sums, children)


def _mix(weights: list[int], states: list[Generator | None]) -> Mix | None:
    taken = [(weight, state) for weight, state in zip(weights, states, strict=True) if state is not None]
    if not taken:
        return None
    return Mix(tuple(accumulate(weight for weight, _ in taken)), tuple(state for _, state in taken))


@node
class FlipFlop(Generator):
    """State of `flip_flop`: `now` has the turn."""

    now: Generator
    then: Generator

    def op(self, ctx: Context) -> Answer:
        op, now = self.now.op(ctx)
        if op is None or (type(op) is Pending and now is None):
            return None, None
        if type(op) is Pending:
            return op, self if now is self.now else FlipFlop(lift(now), self.then)
        return op, FlipFlop(self.then, lift(now))

    def update(self, ctx: Context, event: Operation) -> Generator:
        now, then = self.now.update(ctx, event), self.then.update(ctx, event)
        return self if now is self.now and then is self.then else FlipFlop(now, then)


def _updated(children: tuple[Generator, ...], ctx: Context, event: Operation) -> tuple[Generator, ...]:
    """The children after an event: the same tuple when none of them cared."""
    updated = tuple([child.update(ctx, event) for child in children])
    return children if all(map(is_, updated, children)) else updated
