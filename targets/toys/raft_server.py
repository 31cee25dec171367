"""A Raft server: a log that a majority agrees on, under one leader at a time. What the log is for is up to a subclass.

Section numbers as in `raft_election`. Where the paper leaves a choice:

- *Messages* may be lost, repeated and reordered. None is an answer to be waited for: each says all that is needed to
  act on it, and what is overdue is said again with the next heartbeat.
- *A leader that hears no majority resigns* (diss. 6.2), so that its clients are refused instead of left waiting. And it
  tells each follower whether it hears it: a leader that cannot hear me is no leader to me.
- *A leader's own copy* of an entry counts like any other, once it is durable; it is written while the others write
  theirs (diss. 10.2.1).
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from harness.node import Body, Host
from targets.toys.raft_election import FOLLOWER, LEADER, Voter
from targets.toys.raft_peers import Peers

ENTRIES_MAX = 256
"""Entries in one message."""


class RaftServer(Voter):
    """One server. A subclass says what a committed command does (`applied`), and hears of the end of a leadership
    (`resigned`) and of what a majority has confirmed (`confirmed`).

    `election_ms`: a follower waits between once and twice that long for a leader. `heartbeat_ms`: how often an idle
    leader speaks. `batch_ms`: how long a leader collects what is new before it sends it to all followers together.
    """

    def __init__(self, host: Host, *, election_ms: int = 300, heartbeat_ms: int = 60, batch_ms: float = 4) -> None:
        super().__init__(host, election_ms=election_ms)
        self.commit = 0
        self._heartbeat_s = heartbeat_ms / 1000
        self._batch_s = batch_ms / 1000
        self._peers = Peers(self.peers)
        self._term_start = 0
        self._synced = 0
        self._round_wanted = 0
        self._flush_pending = False

    def applied(self, index: int, command: Any) -> None:
        """A command is committed. Every server gets all in the same order, from the first on again at each start."""

    def confirmed(self, round: int) -> None:
        """A majority has answered that round of messages, so nobody else led when it was sent; and everything that was
        committed under earlier leaders is applied here (5.4.2, 8)."""

    def propose(self, command: Any) -> int:
        """As leader: adds a command to the log, and returns where. It is sent off soon."""
        index = self.state.append(command)
        self._flush_soon()
        return index

    def next_round(self) -> int:
        """As leader: the first round of messages that is sent after this call. It goes out soon."""
        self._flush_soon()
        self._round_wanted = self._peers.round + 1
        return self._round_wanted

    # Following (5.3) --------------------------------------------------------------------------------------------------

    def on_append(self, source: str, body: Body) -> Awaitable[None] | None:
        state, term, previous, entries = self.state, body["term"], body["previous"], body["entries"]
        reply = {"type": "append_reply", "term": max(term, state.term), "round": body["round"], "previous": previous}
        if term < state.term:
            self.send(source, reply | {"ok": False, "next": 0})
            return None
        if term > state.term or self.role != FOLLOWER:
            self.follow(term)
        if body["heard"]:
            self.led_by(source)
        if state.term_at(previous) != body["previous_term"]:
            reply |= {"ok": False, "next": state.back_up(previous)}
        else:
            state.store(previous, entries)
            reply |= {"ok": True, "next": previous + len(entries) + 1}
            self._learn_commit(body["commit"], previous + len(entries))
        if not state.clean:
            return self.promise(source, reply)
        self.send(source, reply)
        return None

    def _learn_commit(self, commit: int, agreed: int) -> None:
        """The leader has committed up to there; up to `agreed` this log is like its own."""
        self._commit(min(commit, agreed))

    def _commit(self, upto: int) -> None:
        while self.commit < upto:
            self.commit = index = self.commit + 1
            self.applied(index, self.state.command_at(index))

    # Leading (5.3, 5.4) -----------------------------------------------------------------------------------------------

    def elected(self) -> None:
        """Adds an entry of its own term at once: with it, all earlier ones become committed (5.4.2, 8)."""
        self.role, self.leader = LEADER, self.name
        self.log(f"leads term {self.state.term}")
        self._peers.restart(self.state.last_index + 1, self.clock.monotonic())
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
        previous = progress.next - 1
        entries = [] if progress.probing else state.slice(progress.next, ENTRIES_MAX)
        progress.next += len(entries)
        body = {"type": "append", "term": state.term, "round": self._peers.round, "commit": self.commit}
        body |= {"previous": previous, "previous_term": state.term_at(previous), "entries": entries}
        body["heard"] = self.clock.monotonic() - progress.heard_ns < self.election_ns
        self.send(peer, body)

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
        if self._round_wanted and self.commit >= self._term_start:
            round = self._peers.confirmed_round()
            self.confirmed(round)
            if round >= self._round_wanted:
                self._round_wanted = 0
