"""A log that one server at a time writes, and ships to the others.

- *A log, and a term for each leadership.* A leader of an older term is refused; where two logs differ, the one of the
  later leadership replaces the other's (`RaftLog.store`). So a follower's log is at any time that of some leader up to
  some point.
- *Messages* may be lost, repeated and reordered; each says all that is needed to act on it, and what is overdue is said
  again with the next beat.
- *The log is cut.* When enough has been added, a server puts a snapshot of its state in the place of what is *settled*:
  the entries that every later leader's log has, too. A follower that is so far behind that the entries it lacks are
  gone is sent the snapshot.

Who leads, and what the log is for, is left to subclasses (`ordered`).
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from harness.node import Body, Host, Node
from targets.toys.raft_log import Entry, RaftLog
from targets.toys.raft_peers import Peers
from targets.toys.raft_snapshot import Snapshot

ENTRIES_MAX = 256
"""Entries in one message."""

HEARD_NS_MAX = 1_000_000_000
"""A follower that has said nothing for so long is sent no snapshot: it would be for nothing."""


class Shipping(Node):
    """One server. `batch_ms`: how long a leader collects entries before it ships them together. `beat_ms`: how often it
    speaks when there are none. `snapshot_records`: by how many records the journal grows before the log is cut."""

    def __init__(self, host: Host, *, batch_ms: float = 4, beat_ms: int = 60, snapshot_records: int = 1000) -> None:
        super().__init__(host)
        self.state = RaftLog(host.disk, host.nodes)
        self.leader: str | None = None
        self.commit = 0
        """The index of the last entry that is applied here."""
        self.progress = Peers(self.name)
        self.own = 0
        """As leader: the index up to which its own copy is durable."""
        self.opening = 0
        """As leader: the index of its first entry."""
        self._batch_s = batch_ms / 1000
        self._beat_s = beat_ms / 1000
        self._snapshot_records = snapshot_records
        self._ship_pending = False

    async def start(self) -> None:
        await self.state.recover()
        self.rewind()
        self._beat()

    # What a subclass decides ------------------------------------------------------------------------------------------

    def conclude(self) -> None:
        """As leader: applies whatever has been made safe enough."""
        raise NotImplementedError

    def take(self, previous: int, entries: list[Entry], commit: int) -> None:
        """As follower: takes over entries behind an index where both logs agree, and applies what may be."""
        raise NotImplementedError

    def rewind(self) -> None:
        """Goes back to the snapshot, as if no more was ever applied."""
        raise NotImplementedError

    @property
    def settled(self) -> int:
        """The index up to which no later leader's log can differ from this one, as far as is known here."""
        return self.commit

    def learn_settled(self, index: int) -> None:
        """As follower: what the leader's log has up to there, which this one has as well, is settled."""

    def outcome_of_settled(self) -> Any:
        """What the entries up to there came to, as a JSON value that is never changed."""
        raise NotImplementedError

    # Cutting ----------------------------------------------------------------------------------------------------------

    def cut_if_long(self) -> None:
        """Puts a snapshot in the place of what is settled, soon, if the journal has grown by enough."""
        if self._is_long():
            self.spawn(self._cut())

    async def _cut(self) -> None:
        if self._is_long():
            index = self.settled
            term = self.state.term_at(index)
            await self.state.compact(Snapshot(index, term, self.nodes, self.outcome_of_settled()))

    def _is_long(self) -> bool:
        return self.state.grown >= self._snapshot_records and self.settled > self.state.snapshot.index

    @property
    def leads(self) -> bool:
        return self.leader == self.name

    # Leading ----------------------------------------------------------------------------------------------------------

    def lead(self) -> None:
        """Leads the current term from now on, and says so with an entry: what is behind it elsewhere gives way."""
        self.leader = self.name
        self.log(f"leads term {self.state.term}")
        self.progress.restart(self.nodes, self.state.last_index + 1, self.clock.monotonic())
        self.own = 0
        self.opening = self.state.append(None)
        self.ship(beat=True)

    def follow(self, term: int, leader: str | None) -> None:
        """Leads no longer, if it did, and belongs to this term, or a later one, from now on."""
        if term > self.state.term:
            self.state.enter(term, None)
        self.leader = leader

    def _beat(self) -> None:
        if self.leads:
            self.progress.retreat()
            self.ship(beat=True)
        self.after(self._beat_s, self._beat)

    def _ship_soon(self) -> None:
        if not self._ship_pending:
            self._ship_pending = True
            self.after(self._batch_s, self.ship)

    def ship(self, beat: bool = False) -> None:
        """One message to every follower, with all that is new; the leader's own copy is made durable meanwhile."""
        self._ship_pending = False
        if not self.leads:
            return
        self.progress.round += 1
        self.progress.sent = self.state.last_index
        for peer, progress in self.progress.all.items():
            if beat or not progress.probing:
                self._send_log(peer)
        if self.own < self.state.last_index:
            self.spawn(self._sync_own(self.state.term, self.state.last_index))

    async def _sync_own(self, term: int, index: int) -> None:
        await self.state.sync()
        if self.leads and self.state.term == term:
            self.own = max(self.own, index)
            self.conclude()

    def _send_log(self, peer: str) -> None:
        progress, state = self.progress.all[peer], self.state
        body: Body = {"term": state.term, "round": self.progress.round}
        if progress.next <= state.snapshot.index:
            progress.skip_to(state.snapshot.index + 1)
            if self.clock.monotonic() - progress.heard_ns < HEARD_NS_MAX:
                self.send(peer, body | {"type": "snapshot", "snapshot": state.snapshot.to_json()})
                return
        previous = progress.next - 1
        entries = [] if progress.probing else state.slice(progress.next, ENTRIES_MAX)
        progress.next += len(entries)
        body |= {"type": "log", "commit": self.commit, "settled": self.settled}
        self.send(peer, body | {"previous": previous, "previous_term": state.term_at(previous), "entries": entries})

    def on_log_reply(self, source: str, body: Body) -> None:
        if body["term"] > self.state.term:
            self.follow(body["term"], None)
        elif self.leads and body["term"] == self.state.term:
            if self.progress.hear(source, body, self.clock.monotonic()):
                self._send_log(source)
            self.conclude()

    # Following --------------------------------------------------------------------------------------------------------

    def on_log(self, source: str, body: Body) -> Awaitable[None] | None:
        previous, entries = body["previous"], body["entries"]
        if self._refuses(source, body):
            return self._reply_to_log(source, body, previous, ok=False, next=0)
        if not self.state.agrees(previous, body["previous_term"]):
            return self._reply_to_log(source, body, previous, ok=False, next=self.state.back_up(previous))
        self.take(previous, entries, body["commit"])
        self.learn_settled(min(body["settled"], previous + len(entries)))
        return self._reply_to_log(source, body, previous, ok=True, next=previous + len(entries) + 1)

    def on_snapshot(self, source: str, body: Body) -> Awaitable[None] | None:
        """Whoever has settled that far already has all that is in it."""
        snapshot = Snapshot.from_json(body["snapshot"])
        if self._refuses(source, body):
            return self._reply_to_log(source, body, snapshot.index, ok=False, next=0)
        if snapshot.index > self.settled:
            self.state.install(snapshot)
            self.rewind()
        return self._reply_to_log(source, body, snapshot.index, ok=True, next=snapshot.index + 1)

    def _refuses(self, source: str, body: Body) -> bool:
        """Whether a message comes from a leader of the past. Follows its sender if not."""
        if body["term"] < self.state.term:
            return True
        self.led_by(source, body["term"])
        return False

    def _reply_to_log(self, source: str, body: Body, previous: int, *, ok: bool, next: int) -> Awaitable[None] | None:
        reply = {"type": "log_reply", "term": self.state.term, "round": body["round"], "previous": previous}
        reply |= {"ok": ok, "next": next}
        if not self.state.clean:
            return self.promise(source, reply)
        self.send(source, reply)
        return None

    def led_by(self, leader: str, term: int) -> None:
        """The leader of this term, or of a later one, was heard from."""
        if term > self.state.term or self.leader != leader:
            self.follow(term, leader)

    async def promise(self, dest: str, body: Body) -> None:
        """Sends what the other side will rely on once it would survive a crash, unless a later term has overtaken it by
        then."""
        await self.state.sync()
        if self.state.term == body["term"]:
            self.send(dest, body)
