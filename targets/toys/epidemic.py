"""A store in which every server takes changes alone, and tells the others later: what leaderless AP stores share.

All have the same records in the end, whatever becomes of messages, if `take` makes the same of the same records in any
order (Demers et al., "Epidemic Algorithms for Replicated Database Maintenance", PODC 1987):

- *Replication* sends each change to all others once, and does not care whether it arrives.
- *Anti-entropy* brings what was lost: each server, again and again, compares checksums of groups of records with one
  other, and they swap the groups that differ. Against pushing everything in turn (`gossip`), the traffic grows with the
  differences and not with the data.

On disk is a journal of what was news, which cuts itself down to the records that are held now.
"""

from __future__ import annotations

from json import dumps

from harness.node import Body, Host, Node
from targets.toys.groups import Groups, Record
from targets.toys.journal import Journal


class Epidemic(Node):
    """One server. `batch_ms`: how long changes are collected before they go out together. `gossip_ms`: the mean time
    between two comparisons with another server."""

    def __init__(self, host: Host, *, batch_ms: float, gossip_ms: int) -> None:
        super().__init__(host)
        self.held = Groups()
        """What `take` has put there: all that is worth telling others, and keeping."""
        self._journal = Journal(host.disk, "records.log", self.held.records)
        self._batch_s = batch_ms / 1000
        self._gossip_ns = gossip_ms * 1_000_000
        self._outbox: list[Record] = []

    async def start(self) -> None:
        for record in self._journal.recover():
            self.take(record)
        await self._journal.sync()
        self._gossip_later()

    def take(self, record: Record) -> bool:
        """Joins a record with what is held; whether that was news."""
        raise NotImplementedError

    def change(self, record: Record) -> None:
        """Takes a change that is made here, which the others are told of soon. Durable after `harden`."""
        if self.take(record):
            self._journal.append(record)
            if not self._outbox:
                self.after(self._batch_s, self._replicate)
            self._outbox.append(record)

    async def harden(self) -> None:
        """Returns once everything taken so far is durable here."""
        await self._journal.sync()

    def _replicate(self) -> None:
        outbox, self._outbox = self._outbox, []
        for peer in self.peers:
            self.send(peer, {"type": "records", "records": outbox})

    def on_records(self, source: str, body: Body) -> None:
        """Takes what came. When asked to (`groups`), sends back what is news to the other side."""
        for record in body["records"]:
            if self.take(record):
                self._journal.append(record)  # durable soon enough: if it is lost here, it comes again
        if groups := body.get("groups"):
            theirs = {dumps(record) for record in body["records"]}
            ours = [record for record in self.held.of(groups) if dumps(record) not in theirs]
            if ours:
                self.send(source, {"type": "records", "records": ours})

    def _gossip_later(self) -> None:
        pause_ns = self._gossip_ns // 2 + self.random.randrange(self._gossip_ns)
        self.after(pause_ns / 1e9, self._gossip)

    def _gossip(self) -> None:
        if not self._journal.clean:
            self.spawn(self._journal.sync())
        if self.peers:
            self.send(self.random.choice(self.peers), {"type": "digest", "sums": self.held.sums})
        self._gossip_later()

    def on_digest(self, source: str, body: Body) -> None:
        """Answers with the groups that differ."""
        if groups := self.held.differing(body["sums"], self.random):
            records = list(self.held.of(groups))
            self.send(source, {"type": "records", "records": records, "groups": groups})
