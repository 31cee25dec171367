"""Values side by side under a vector clock: what one key of `dynamo` holds, as a value that never changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Clock = dict[str, int]
"""By actor, how many of its dots are covered: all from 1 to that."""

Values = dict[str, Any]
"""The siblings by their dots, which are written `actor:number`, as JSON wants it."""


@dataclass(frozen=True, slots=True)
class Siblings:
    """The siblings, and the clock of every dot ever seen, theirs and those that were overwritten."""

    clock: Clock
    values: Values

    def in_order(self) -> list[Any]:
        """The values alone, in an order that is the same on every server."""
        return [self.values[dot] for dot in sorted(self.values)]

    def plus(self, actor: str, value: Any) -> Siblings:
        """With one more sibling, the actor's next dot."""
        number = self.clock.get(actor, 0) + 1
        return Siblings({**self.clock, actor: number}, {**self.values, f"{actor}:{number}": value})


def merge(ours: Siblings, theirs: Siblings) -> Siblings:
    """What both sides have, and what one has that the other has not seen yet. Commutative, associative, idempotent."""
    values = {
        dot: value for dot, value in ours.values.items() if dot in theirs.values or not covers(theirs.clock, dot)
    } | {dot: value for dot, value in theirs.values.items() if dot in ours.values or not covers(ours.clock, dot)}
    return Siblings(joined(ours.clock, theirs.clock), values)


def without(held: Siblings, context: Clock) -> Siblings:
    """Without the siblings that a context covers. The clock takes the context in: what the writer had seen elsewhere
    may come here later, and is overwritten by then."""
    values = {dot: value for dot, value in held.values.items() if not covers(context, dot)}
    return Siblings(joined(held.clock, context), values)


def joined(one: Clock, other: Clock) -> Clock:
    """The clock that covers what either does."""
    return {actor: max(one.get(actor, 0), other.get(actor, 0)) for actor in sorted({*one, *other})}


def covers(clock: Clock, dot: str) -> bool:
    """Whether a clock has seen a dot."""
    actor, _, number = dot.rpartition(":")
    return clock.get(actor, 0) >= int(number)
