"""Bugs to plant in the store cut into shards: three of two-phase commit, two of moving shards, four of locking,
and one of coordinating more than there is to coordinate."""

from __future__ import annotations

from typing import Any

from harness.node import Body
from targets.toys.locks import Key
from targets.toys.sharded import Sharded, Work
from targets.toys.sharded_owner import conflict
from targets.toys.values import Step


class ForgetsPrepared(Sharded):
    """An owner votes yes and keeps what it prepared in memory alone: after a crash between the phases its part of a
    committed transaction is missing (a torn commit; the vote that has to be forced to disk, and was not)."""

    def _keep(self, record: list[Any]) -> None:
        if record[0] == "ended" and record[2]:
            record = ["wrote", self.holds[record[1]].writes]
        if record[0] != "prepared":
            super()._keep(record)


class PresumesAbort(Sharded):
    """An owner that is left in doubt decides by itself, for abort, while the others commit (a heuristic decision, as
    resource managers make them whose administrators lose patience)."""

    def _in_doubt(self, transaction: str) -> None:
        if transaction in self.holds:
            self._settle(transaction, False)


class AcknowledgesUndecided(Sharded):
    """A coordinator takes the votes for the decision and answers its client; if it, or its proposal, is lost, those in
    doubt have the transaction aborted."""

    async def decide(self, transaction: str) -> bool | None:
        self.suggest(["commit", transaction])
        return True


class GoesOnServing(Sharded):
    """An owner hands over a copy of a shard and goes on serving whoever still comes: two owners (a move without a
    fence)."""

    async def on_pull(self, source: str, body: Body) -> Body:
        answer = await super().on_pull(source, body)
        shard = self.shards[body["shard"]]
        shard.serving, shard.gone = True, False
        return answer


class HandsOverTooSoon(Sharded):
    """An owner hands a shard over while transactions hold keys of it: what they commit afterwards stays behind."""

    def _in_use(self, number: int) -> bool:
        return False


class ReadsWithoutLocks(Sharded):
    """Reads take no locks, so those of one transaction are of different moments (read committed: read skew)."""

    def _wanted(self, keys: dict[Key, bool]) -> dict[Key, bool]:
        return {key: True for key, exclusive in keys.items() if exclusive}


class ReadsUncommitted(Sharded):
    """An owner answers a read with what is prepared, instead of waiting for the decision (read uncommitted)."""

    def _wanted(self, keys: dict[Key, bool]) -> dict[Key, bool]:
        prepared = self._prepared()
        return {key: exclusive for key, exclusive in keys.items() if exclusive or key not in prepared}

    def _read(self, key: Key) -> Any:
        prepared = self._prepared()
        return prepared[key] if key in prepared else super()._read(key)

    def _prepared(self) -> dict[Key, Any]:
        return {key: value for hold in self.holds.values() for key, value in hold.writes or []}


class LocksTooLate(Sharded):
    """A transaction that writes lets go of what it has read, and locks again to write what it worked out from it:
    writes in between are lost (lost update, as of a read, a change and a write in an application's code)."""

    async def _lock(self, work: Work, *, hold: bool) -> None:
        if _writes(work):
            seen = _reading(work)
            await super()._lock(seen, hold=False)
            await super()._lock(work, hold=hold)
            work.values = seen.values
        else:
            await super()._lock(work, hold=hold)


class ValidatesWritesAlone(Sharded):
    """A transaction that writes reads from a snapshot and locks what it writes alone, where the first to commit wins;
    what it has read may be written by another meanwhile (snapshot isolation: write skew)."""

    async def _lock(self, work: Work, *, hold: bool) -> None:
        if not _writes(work):
            return await super()._lock(work, hold=hold)
        seen = _reading(work)
        await super()._lock(seen, hold=True)
        await self._finish(seen, {})
        written = {node: {key: True for key, write in keys.items() if write} for node, keys in work.places.items()}
        work.places = {node: keys for node, keys in written.items() if keys}
        await super()._lock(work, hold=hold)
        if any(seen.values[key] != value for key, value in work.values.items()):
            raise conflict("another transaction was the first to write")
        work.values = seen.values
        return None


class InvolvesEverybody(Sharded):
    """Has all servers take part in every transaction, whether they own a key of it or not: one that is lost stops all
    (a commit across all shards, as of a global snapshot)."""

    def _plan(self, steps: list[Step]) -> Work:
        work = super()._plan(steps)
        work.places |= {node: work.places.get(node, {}) for node in self.nodes}
        return work


def _writes(work: Work) -> bool:
    return any(any(keys.values()) for keys in work.places.values())


def _reading(work: Work) -> Work:
    """The same keys, to be read in a transaction of their own."""
    return Work(f"{work.name}-read", {node: dict.fromkeys(keys, False) for node, keys in work.places.items()}, {}, {})
