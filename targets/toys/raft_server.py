"""A Raft server: a log that a majority agrees on, under one leader at a time. What the log is for is up to a subclass.

Section numbers as in `raft_election`. Where the paper leaves a choice:

- *Messages* may be lost, repeated and reordered. None is an answer to be waited for: each says all that is needed to
  act on it, and what is overdue is said again with the next heartbeat.
- *A leader that hears no majority resigns* (diss. 6.2), so that its clients are refused instead of left waiting. And it
  tells each follower whether it hears it: a leader that cannot hear me is no leader to me.
- *A leader's own copy* of an entry counts like any other, once it is durable; it is written while the others write
  theirs (diss. 10.2.1).
- *A snapshot* is taken of what is committed whenever the journal has grown by so many records (`raft_log`). A follower
  that needs entries which are gone is sent it (7) once it is known to listen: to one that is down, it would be sent
  again with every other heartbeat, for nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from harness.node import Body, Host
from targets.toys.raft_election import FOLLOWER, LEADER, Voter
from targets.toys.raft_peers import Peers
from targets.toys.raft_snapshot import Snapshot

ENTRIES_MAX = 256
"""Entries in one message."""


class RaftServer(Voter):
    """One server. A subclass says what a committed command does (`applied`), and hears of the end of a leadership
    (`resigned`) and of what a majority has confirmed (`confirmed`). What all commands so far came to is its `outcome`,
    and it begins again from one by `restored`.

    `election_ms`: a follower waits between once and twice that long for a leader. `heartbeat_ms`: how often an idle
    leader speaks. `batch_ms`: how long a leader collects what is new before it sends it to all followers together.
    `snapshot_records`: by how many records the journal grows before it is cut down to a snapshot.
    """

    def __init__(
        self,
        host: Host,
        *,
        election_ms: int = 300,
        heartbeat_ms: int = 60,
        batch_ms: float = 4,
        snapshot_records: int = 2000,
    ) -> None:
        super().__init__(host, election_ms=election_ms)
        self.commit = 0
        self._snapshot_records = snapshot_records
        self._heartbeat_s = heartbeat_ms / 1000
        self._batch_s = batch_ms / 1000
        self._peers = Peers(self.name)
        self._term_start = 0
        self._synced = 0
        self._round_wanted = 0
        self._flush_pending = False

    def applied(self, index: int, command: Any) -> None:
        """A command is committed. Every server gets all in the same order, but for those that a snapshot stands for."""

    def outcome(self) -> Any:
        """What all commands applied so far came to, as a JSON value that is never changed."""

    def restored(self, state: Any) -> None:
        """Begins again from what `outcome` gave, here or on another server."""

    def confirmed(self, round: int) -> None:
        """A majority has answered that round of messages, so nobody else led when it was sent; and everything that was
        committed under earlier leaders is applied here (5.4.2, 8)."""

    def may_stand(self) -> bool:
        """A server that has left does not stand. One may be needed until that is committed (diss. 4.2.2)."""
        return self.name in self.state.members.latest or not self._members_committed

    def propose(self, command: Any) -> int:
        """As leader: adds a command to the log, and returns where. It is sent off soon."""
        index = self.state.append(command)
        if self.state.members.since == index:
            self._peers.count(self.state.members.latest)
        self._flush_soon()
        return index

    def next_round(self) -> int:
        """As leader: the first round of messages that is sent after this call. It goes out soon."""
        self._flush_soon()
        self._round_wanted = self._peers.round + 1
        return self._round_wanted

    async def start(self) -> None:
        await super().start()
        self._begin_with_snapshot()

    # Following (5.3, 7) -----------------------------------------------------------------------------------------------

    def on_append(self, source: str, body: Body) -> Awaitable[None] | None:
        previous, entries = body["previous"], body["entries"]
        if not self._follows(source, body):
            return self._acknowledge(source, body, ok=False, next=0)
        if not self.state.agrees(previous, body["previous_term"]):
            return self._acknowledge(source, body, ok=False, next=self.state.back_up(previous))
        self.state.store(previous, entries)
        self._learn_commit(body["commit"], previous + len(entries))
        return self._acknowledge(source, body, ok=True, next=previous + len(entries) + 1)

    def on_snapshot(self, source: str, body: Body) -> Awaitable[None] | None:
        """Whoever has committed that far already has all that is in it."""
        if not self._follows(source, body):
            return self._acknowledge(source, body, ok=False, next=0)
        snapshot = Snapshot.from_json(body["snapshot"])
        if snapshot.index > self.commit:
            self.state.install(snapshot)
            self._begin_with_snapshot()
        return self._acknowledge(source, body, ok=True, next=snapshot.index + 1)

    def _follows(self, source: str, body: Body) -> bool:
        """Whether the sender leads the latest term that this server knows, which it follows then."""
        term = body["term"]
        if term < self.state.term:
            return False
        if term > self.state.term or self.role != FOLLOWER:
            self.follow(term)
        if body["heard"]:
            self.led_by(source)
        return True

    def _acknowledge(self, source: str, body: Body, *, ok: bool, next: int) -> Awaitable[None] | None:
        reply = {"type": "append_reply", "term": self.state.term, "round": body["round"], "previous": body["previous"]}
        reply |= {"ok": ok, "next": next}
        if not self.state.clean:
            return self.promise(source, reply)
        self.send(source, reply)
        return None

    def _begin_with_snapshot(self) -> None:
        snapshot = self.state.snapshot
        if snapshot.index:
            self.commit = snapshot.index
            self.restored(snapshot.state)

    def _learn_commit(self, commit: int, agreed: int) -> None:
        """The leader has committed up to there; up to `agreed` this log is like its own."""
        self._commit(min(commit, agreed))

    def _commit(self, upto: int) -> None:
        while self.commit < upto:
            self.commit = index = self.commit + 1
            self.applied(index, self.state.command_at(index))
        if self.state.grown >= self._snapshot_records:
            self.spawn(self.state.compact(self.take_snapshot()))

    def take_snapshot(self) -> Snapshot:
        """Of everything that is committed."""
        return Snapshot(
            self.commit, self.state.term_at(self.commit), self.state.members.at(self.commit), self.outcome()
        )

    @property
    def _members_committed(self) -> bool:
        return self.state.members.since <= self.commit

    # Leading (5.3, 5.4) -----------------------------------------------------------------------------------------------

    def elected(self) -> None:
        """Adds an entry of its own term at once: with it, all earlier ones become committed (5.4.2, 8)."""
        self.role, self.leader = LEADER, self.name
        self.log(f"leads term {self.state.term}")
        self._peers.restart(self.state.members.latest, self.state.last_index + 1, self.clock.monotonic())
        self._synced = 0
        self._term_start = self.state.append(None)
        self._beat(self.state.term)

    def _beat(self, term: int) -> None:
        """Keeps the followers quiet, says again what seems lost, and resigns when no majority answers."""
        if self.role != LEADER or self.state.term != term:
            return
        if not self._peers.quorum_since(self.clock.monotonic() - 2 * self.election_ns):
            self.log(f"hears no majority and resigns in term {term}")
            self.follow(term)
            return
        self._peers.retreat()
        self._flush(beat=True)
        self.after(self._heartbeat_s, lambda: self._beat(term))

    def _flush_soon(self) -> None:
        if not self._flush_pending:
            self._flush_pending = True
            self.after(self._batch_s, self._flush)

    def _flush(self, beat: bool = False) -> None:
        """One message to every follower, with all that is new, which also counts as a heartbeat."""
        self._flush_pending = False
        if self.role != LEADER:
            return
        self._peers.round += 1
        self._peers.sent = self.state.last_index
        for peer, progress in self._peers.all.items():
            if beat or not progress.probing:
                self._send_append(peer)
        if self._synced < self.state.last_index:
            self.spawn(self._sync_own(self.state.term, self.state.last_index))
        self._conclude()

    async def _sync_own(self, term: int, index: int) -> None:
        """A leader's own copy counts like any other: once it is durable (diss. 10.2.1)."""
        await self.state.sync()
        if self.role == LEADER and self.state.term == term:
            self._synced = max(self._synced, index)
            self._conclude()

    def _send_append(self, peer: str) -> None:
        progress, state = self._peers.all[peer], self.state
        body: Body = {"term": state.term, "round": self._peers.round}
        body["heard"] = self.clock.monotonic() - progress.heard_ns < self.election_ns
        if progress.next <= state.snapshot.index:
            progress.skip_to(state.snapshot.index + 1)
            if body["heard"]:
                snapshot = state.snapshot.to_json()
                self.send(peer, body | {"type": "snapshot", "previous": state.snapshot.index, "snapshot": snapshot})
                return
        previous = progress.next - 1
        entries = [] if progress.probing else state.slice(progress.next, ENTRIES_MAX)
        progress.next += len(entries)
        body |= {"type": "append", "previous": previous, "previous_term": state.term_at(previous), "entries": entries}
        self.send(peer, body | {"commit": self.commit})

    def on_append_reply(self, source: str, body: Body) -> None:
        if body["term"] > self.state.term:
            self.follow(body["term"])
        elif self.role == LEADER and body["term"] == self.state.term:
            if self._peers.hear(source, body, self.clock.monotonic()):
                self._send_append(source)
            self._conclude()

    def _conclude(self) -> None:
        """Commits what a majority holds if it is of this term: earlier ones come along with it (5.4.2)."""
        if self.commit < self.state.last_index:
            index = self._peers.held_by_majority(self._synced)
            if index > self.commit and self.state.term_at(index) == self.state.term:
                self._commit(index)
            if self.name not in self.state.members.latest and self._members_committed:
                self.log(f"has left and resigns in term {self.state.term}")
                self.follow(self.state.term)
                return
        if self._round_wanted and self.commit >= self._term_start:
            round = self._peers.confirmed_round()
            self.confirmed(round)
            if round >= self._round_wanted:
                self._round_wanted = 0
