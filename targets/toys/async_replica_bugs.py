"""Bugs to plant in the store whose primary waits for nobody."""

from __future__ import annotations

from collections.abc import Awaitable

from harness.node import Body, RpcError
from harness.node.errors import TEMPORARILY_UNAVAILABLE
from targets.toys.async_replica import AsyncReplica
from targets.toys.raft_log import Entry


class KeepsItsTail(AsyncReplica):
    """A deposed primary follows its successor, but what it had applied alone stays applied (errant transactions, as
    after GitHub's failover in October 2018)."""

    def contradicts(self, previous: int, entries: list[Entry]) -> bool:
        return False


class SkipsWhatItMissed(AsyncReplica):
    """A replica that missed entries goes on with those that come next (MySQL's `sql_replica_skip_counter`, or a
    replication stream resumed from a wrong position)."""

    def on_log(self, source: str, body: Body) -> Awaitable[None] | None:
        missing = body["previous"] - self.state.last_index
        if missing > 0:
            ours = [[body["previous_term"], None]] * missing
            self.take(self.state.last_index, ours, 0)
        return super().on_log(source, body)


class CutsUnsettled(AsyncReplica):
    """A server cuts its log at what it has applied, settled or not, so a deposed primary's snapshot keeps what it
    applied alone (checkpoints of state that may still be rolled back)."""

    @property
    def settled(self) -> int:
        return self.commit


class RefusesWithoutPrimary(AsyncReplica):
    """A replica that has lost its primary refuses reads (Redis with `replica-serve-stale-data no`)."""

    def on_read(self, source: str, body: Body) -> Body:
        if self.leader is None or self.now_ns() >= self.granted_until_ns:
            raise RpcError(TEMPORARILY_UNAVAILABLE, "the primary is gone")
        return super().on_read(source, body)
