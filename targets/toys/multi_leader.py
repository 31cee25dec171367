"""A key-value store without a leader: it always answers, and forgets.

Every server takes reads and writes on its own and tells the others later. Of two writes to one key the one with the
later timestamp wins, by the wall clock of the server that took it, ties going to the greater name. The trade-off is
that of every AP store (Gilbert and Lynch, "Brewer's Conjecture", SIGACT News 2002): no cut and no dead peer costs an
answer, and all servers agree in the end (Shapiro et al., "Conflict-free Replicated Data Types", SSS 2011: a
last-writer-wins register); meanwhile reads are stale, both sides of a compare-and-set succeed, and of concurrent
writes all but one are lost though acknowledged. A server whose clock is behind loses even writes that came later.

- *Durable before acknowledged*, on the disk of the server that took the write; elsewhere a little later.
- *Replication* sends each write to all others once, and does not care whether it arrives.
- *Anti-entropy* (Demers et al., "Epidemic Algorithms for Replicated Database Maintenance", PODC 1987) brings what was
  lost: each server, again and again, compares checksums of groups of keys with one other, and they swap the groups that
  differ.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

from harness.node import Body, Host, Node, RpcError
from harness.node.errors import PRECONDITION_FAILED
from targets.toys.journal import Journal
from targets.toys.requests import field, key_of
from targets.toys.values import steps_of, transact

Version = list[Any]
"""`[key, value, timestamp in ns, name of the server that took it]`."""

GROUPS = 64
"""Groups of keys with a checksum each."""

VERSIONS_MAX = 500
"""Versions in one message, unless a single group has more."""


class MultiLeader(Node):
    """One server. `batch_ms`: how long writes are collected before they go out together. `gossip_ms`: the mean time
    between two comparisons with another server."""

    def __init__(self, host: Host, *, batch_ms: float = 5, gossip_ms: int = 400) -> None:
        super().__init__(host)
        self._batch_s = batch_ms / 1000
        self._gossip_ns = gossip_ms * 1_000_000
        self._journal = Journal(host.disk, "versions.log")
        self._versions: dict[str | int, Version] = {}
        self._groups: list[dict[str | int, int]] = [{} for _ in range(GROUPS)]
        self._sums = [0] * GROUPS
        self._latest_ns = 0
        self._outbox: list[Version] = []

    async def start(self) -> None:
        for version in self._journal.recover():
            self._merge(version)
        await self._journal.rewrite(self._versions.values)
        self._gossip_later()

    # Requests ---------------------------------------------------------------------------------------------------------

    def on_read(self, source: str, body: Body) -> Body:
        return {"type": "read_ok", "value": self._value(key_of(body))}

    async def on_write(self, source: str, body: Body) -> Body:
        await self._accept(key_of(body), field(body, "value"))
        return {"type": "write_ok"}

    async def on_cas(self, source: str, body: Body) -> Body:
        key, expected, value = key_of(body), field(body, "from"), field(body, "to")
        current = self._value(key)
        if current != expected:
            text = f"expected {expected!r:.80}, found {current!r:.80}"
            raise RpcError(PRECONDITION_FAILED, text, current=current)
        await self._accept(key, value)
        return {"type": "cas_ok"}

    async def on_txn(self, source: str, body: Body) -> Body:
        """All at once on this server; elsewhere its writes arrive one by one, and may each lose to others."""
        results, written = transact(self._value, steps_of(body))
        await asyncio.gather(*(self._accept(key, value) for key, value in written.items()))
        return {"type": "txn_ok", "results": results}

    def on_status(self, source: str, body: Body) -> Body:
        return {"type": "status_ok", "role": "peer", "keys": len(self._versions)}

    def _value(self, key: str | int) -> Any:
        version = self._versions.get(key)
        return None if version is None else version[1]

    async def _accept(self, key: str | int, value: Any) -> None:
        """Takes a write, and returns once it is durable here."""
        version = [key, value, self._stamp(), self.name]
        self._journal.append(version)
        if self._merge(version):
            if not self._outbox:
                self.after(self._batch_s, self._replicate)
            self._outbox.append(version)
        await self._harden()

    def _stamp(self) -> int:
        """A timestamp later than any this server gave before, even if its clock was set back."""
        self._latest_ns = max(self.clock.wall(), self._latest_ns + 1)
        return self._latest_ns

    async def _harden(self) -> None:
        """Makes durable what was taken so far."""
        await self._journal.sync()

    # Between servers --------------------------------------------------------------------------------------------------

    def _merge(self, version: Version) -> bool:
        """Keeps a version if it is the latest of its key. The order in which versions come makes no difference."""
        key, _, time_ns, name = version
        if name == self.name:
            self._latest_ns = max(self._latest_ns, time_ns)
        known = self._versions.get(key)
        if known is not None and not self._wins(version, known):
            return False
        self._versions[key] = version
        group = _group(key)
        checksum = zlib.crc32(json.dumps(version).encode())
        self._sums[group] ^= self._groups[group].get(key, 0) ^ checksum
        self._groups[group][key] = checksum
        return True

    def _wins(self, version: Version, known: Version) -> bool:
        """Whether a version replaces another of its key: the later one, ties going to the greater name.

        Two of one server with the same timestamp cannot be, unless its clock was set back and its disk lost the first;
        the value decides then, so that all servers still agree.
        """
        if version[2:] != known[2:]:
            return version[2:] > known[2:]
        return json.dumps(version[1], sort_keys=True) > json.dumps(known[1], sort_keys=True)

    def _replicate(self) -> None:
        outbox, self._outbox = self._outbox, []
        for peer in self.peers:
            self.send(peer, {"type": "versions", "versions": outbox})

    def on_versions(self, source: str, body: Body) -> None:
        """Takes over what is news. When asked to (`groups`), sends back what is news to the other side."""
        for version in body["versions"]:
            if self._merge(version):
                self._journal.append(version)  # durable soon enough: if it is lost here, it comes again
        if groups := body.get("groups"):
            theirs = {version[0]: version for version in body["versions"]}
            ours = [version for version in self._of(groups) if version != theirs.get(version[0])]
            if ours:
                self.send(source, {"type": "versions", "versions": ours})

    def _gossip_later(self) -> None:
        pause_ns = self._gossip_ns // 2 + self.random.randrange(self._gossip_ns)
        self.after(pause_ns / 1e9, self._gossip)

    def _gossip(self) -> None:
        if not self._journal.clean:
            self.spawn(self._journal.sync())
        if self.peers:
            self.send(self.random.choice(self.peers), {"type": "digest", "sums": self._sums})
        self._gossip_later()

    def on_digest(self, source: str, body: Body) -> None:
        """Answers with the groups that differ, as many as fit; which of them come first is left to chance."""
        different = [group for group in range(GROUPS) if self._sums[group] != body["sums"][group]]
        self.random.shuffle(different)
        groups: list[int] = []
        size = 0
        for group in different:
            size += len(self._groups[group])
            if groups and size > VERSIONS_MAX:
                break
            groups.append(group)
        if groups:
            self.send(source, {"type": "versions", "versions": self._of(groups), "groups": groups})

    def _of(self, groups: list[int]) -> list[Version]:
        return [self._versions[key] for group in groups for key in self._groups[group]]


def _group(key: str | int) -> int:
    return zlib.crc32(json.dumps(key).encode()) % GROUPS
