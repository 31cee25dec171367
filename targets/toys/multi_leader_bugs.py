"""Bugs to plant in the store without a leader, each an override of the one method it spoils."""

from __future__ import annotations

from harness.node import Body, RpcError
from targets.toys.multi_leader import MultiLeader, Version
from targets.toys.requests import key_of

SECOND_NS = 1_000_000_000

ASK_S = 0.1


class StampsByClock(MultiLeader):
    """A write takes the time of day for its timestamp, as it is: after its server's clock was set back, it loses to
    what it should replace (Cassandra with timestamps by clocks that NTP corrects)."""

    def _stamp(self) -> int:
        return self.clock.wall()


class ReadsAnywhere(MultiLeader):
    """A read is served by whichever server chance picks, and a session has no place to stay: what it has seen, the next
    server may not know yet (replicas behind a load balancer, with nothing sticky)."""

    async def on_read(self, source: str, body: Body) -> Body:  # type: ignore[override]
        server = self.random.choice(self.nodes)
        try:
            return await self.rpc(server, {"type": "copy", "key": key_of(body)}, ASK_S)
        except (TimeoutError, RpcError):
            return super().on_read(source, body)

    def on_copy(self, source: str, body: Body) -> Body:
        return super().on_read(source, body)


class DigestSkipsGroups(MultiLeader):
    """Compares only every other group of keys: what the network lost of the rest is never brought (a repair that covers
    part of the ranges, as Cassandra's `-pr` run on some of the nodes)."""

    def on_digest(self, source: str, body: Body) -> None:
        theirs = [body["sums"][group] if group % 2 else ours for group, ours in enumerate(self.held.sums)]
        super().on_digest(source, {**body, "sums": theirs})


class TiesByArrival(MultiLeader):
    """Compares whole seconds, and keeps of two writes in the same one whichever came first: every server another one
    (conflict resolution by a column of type DATETIME)."""

    def _wins(self, version: Version, known: Version) -> bool:
        return int(version[2]) // SECOND_NS > int(known[2]) // SECOND_NS


class AcknowledgesUnsynced(MultiLeader):
    """Acknowledges a write that is in memory only: a restart forgets it (Cassandra with `commitlog_sync: periodic`)."""

    async def harden(self) -> None:
        return


class RestampsOnRestart(MultiLeader):
    """Takes what it finds on its disk at a start for new, so values that were overwritten meanwhile win again (a node
    restored from a backup)."""

    async def start(self) -> None:
        await super().start()
        for key, value, *_ in list(self._versions.values()):
            await self._accept(key, value)
