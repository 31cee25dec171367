"""Bugs to plant in the store with siblings, each an override of the one method it spoils."""

from __future__ import annotations

from typing import Any

from targets.toys.dynamo import EMPTY, Dynamo, Key
from targets.toys.siblings import Clock, Siblings, merge


class LastSiblingWins(Dynamo):
    """Of siblings, the one with the greatest dot is kept when replicas merge (Riak with `allow_mult=false`)."""

    def _merged(self, ours: Siblings, theirs: Siblings) -> Siblings:
        merged = merge(ours, theirs)
        return Siblings(merged.clock, dict(sorted(merged.values.items())[-1:]))


class ClockNotMerged(Dynamo):
    """A replica takes over the other's siblings and keeps its own clock: what it has overwritten, it forgets to have
    seen, and what it has not seen, it takes for new for ever."""

    def _merged(self, ours: Siblings, theirs: Siblings) -> Siblings:
        return Siblings(ours.clock, merge(ours, theirs).values)


class ContextIgnored(Dynamo):
    """A write replaces all siblings that its server holds, whatever its writer had read (a store that takes its own
    clock for the client's context)."""

    def _overwritten(self, held: Siblings, context: Clock) -> Siblings:
        return super()._overwritten(held, held.clock)


class TombstonesDropped(Dynamo):
    """A key without siblings is forgotten, clock and all, so a replica that was away brings removed values back."""

    def _keep(self, key: Key, held: Siblings) -> None:
        super()._keep(key, held if held.values else EMPTY)


class AcknowledgedInMemory(Dynamo):
    """A write is acknowledged before it is durable or anybody else has it."""

    async def _accept(self, key: Key, context: Clock, values: list[Any]) -> None:
        self.spawn(super()._accept(key, context, values))
