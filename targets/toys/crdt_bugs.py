"""Bugs to plant in the store of replicated data types, each an override of the one method it spoils."""

from __future__ import annotations

from targets.toys.crdt import Crdt, record_name
from targets.toys.crdt_types import Entry

GRACE_S = 1.0
"""How long the bug keeps tombstones."""


class ForgetsRemovals(Crdt):
    """Of two versions of an element the one that is there wins, so whoever has not heard of a removal undoes it
    (carts of Amazon's Dynamo, where deleted items resurface)."""

    def _join(self, kind: str, mine: Entry, theirs: Entry) -> Entry:
        if kind == "set":
            return [mine[0], mine[1] and theirs[1]]
        return super()._join(kind, mine, theirs)


class ComparesWrongField(Crdt):
    """Of two versions of a replica's sums the one with more taken away is kept, whatever was added: a maximum of the
    wrong field, which loses nothing as long as a test only takes away."""

    def _join(self, kind: str, mine: Entry, theirs: Entry) -> Entry:
        if kind == "counter":
            return max(mine, theirs, key=lambda entry: entry[1])
        return super()._join(kind, mine, theirs)


class AddsAgain(Crdt):
    """Two versions of a replica's sum are added up instead of taking the greater one: what is heard twice counts twice
    (counters of Cassandra before 2.1, whose retries and repairs could count again)."""

    def _join(self, kind: str, mine: Entry, theirs: Entry) -> Entry:
        if kind == "counter" and mine != theirs:
            return [mine[0] + theirs[0], mine[1] + theirs[1]]
        return super()._join(kind, mine, theirs)


class DropsTombstones(Crdt):
    """Tombstones are dropped after a while, whether or not everybody has heard of them: who was cut off meanwhile
    brings the elements back (tables of Cassandra repaired less often than `gc_grace_seconds`)."""

    async def start(self) -> None:
        await super().start()
        self.after(GRACE_S, self._sweep)

    def _sweep(self) -> None:
        for record in list(self.held.records()):
            key, kind, tag, entry = record
            if kind == "set" and entry[1]:
                self.held.drop(record_name(record))
                del self._values[key][kind][tag]
        self.after(GRACE_S, self._sweep)
