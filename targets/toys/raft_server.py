"""A Raft server: elections, and a log that a majority agrees on. What the log is for is up to a subclass.

Diego Ongaro and John Ousterhout, "In Search of an Understandable Consensus Algorithm", USENIX ATC 2014, figure 2;
section numbers here are theirs, "diss." is Ongaro's thesis "Consensus: Bridging Theory and Practice" (2014). Where they
leave a choice:

- *Elections* begin with a question that changes nothing (pre-vote, diss. 9.6). Whoever hears from a leader says no. So
  a server that was cut off comes back without forcing an election, and one that is only deaf never forces any.
- *A leader that hears no majority resigns* (diss. 6.2), so that its clients are refused instead of left waiting. And it
  tells each follower whether it hears it: a leader that cannot hear me is no leader to me.
- *Messages* may be lost, repeated and reordered. None is an answer to be waited for: each says all that is needed to
  act on it, and what is overdue is said again with the next heartbeat.
- *Promises* (votes, acknowledged entries) leave this server once they are durable.

Only monotonic clocks are used, and they decide when to act, never what is true.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from harness.node import Body, Host, Node
from targets.toys.raft_log import RaftLog
from targets.toys.raft_peers import Peers

FOLLOWER, CANDIDATE, LEADER = "follower", "candidate", "leader"

ENTRIES_MAX = 256
"""Entries in one message."""


class RaftServer(Node):
    """One server. A subclass says what a committed command does (`applied`), and hears of the end of a leadership
    (`resigned`) and of what a majority has confirmed (`confirmed`).

    `election_ms`: a follower waits between once and twice that long for a leader. `heartbeat_ms`: how often an idle
    leader speaks. `batch_ms`: how long a leader collects what is new before it sends it to all followers together.
    """

    def __init__(self, host: Host, *, election_ms: int = 300, heartbeat_ms: int = 60, batch_ms: float = 4) -> None:
        super().__init__(host)
        self.state = RaftLog(host.disk)
        self.role = FOLLOWER
        self.leader: str | None = None
        self.commit = 0
        self._election_ns = election_ms * 1_000_000
        self._heartbeat_s = heartbeat_ms / 1000
        self._batch_s = batch_ms / 1000
        # Without a leader: when to look for one, who would vote for this server, and who follows a leader.
        self._heard_ns = -(1 << 62)
        self._look_at_ns = 0
        self._ayes: set[str] = set()
        self._led_by_others: str | None = None
        self._seen_led = False
        # As the leader.
        self._peers = Peers(self.peers)
        self._term_start = 0
        self._synced = 0
        self._round_wanted = 0
        self._flush_pending = False

    async def start(self) -> None:
        await self.state.recover()
        self._rest()
        self._watch()

    # For the subclass -------------------------------------------------------------------------------------------------

    def applied(self, index: int, command: Any) -> None:
        """A command is committed. Every server gets all in the same order, from the first on again at each start."""

    def resigned(self) -> None:
        """This server leads no longer; what it proposed may be committed yet, or replaced."""

    def confirmed(self, round: int) -> None:
        """A majority has answered that round of messages, so nobody else led when it was sent; and everything that was
        committed under earlier leaders is applied here (5.4.2, 8)."""

    @property
    def guide(self) -> str | None:
        """Another server that follows a leader which this one cannot reach itself."""
        return self._led_by_others

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

    # Elections (5.2, diss. 9.6) ---------------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Waits anew for a leader, for a time of its own so that seldom two servers run out of patience together."""
        self._look_at_ns = self.clock.monotonic() + self._election_ns + self.random.randrange(self._election_ns)

    def _watch(self) -> None:
        """One timer for all waiting: when it comes too early, because a leader was heard meanwhile, it is set again."""
        if self.clock.monotonic() >= self._look_at_ns:
            self._rest()
            if self.role != LEADER:
                self._canvass()
        self.after((self._look_at_ns - self.clock.monotonic()) / 1e9, self._watch)

    def _canvass(self) -> None:
        """Asks who would vote for this server, before it disturbs anyone with a new term."""
        self.role, self.leader = FOLLOWER, None
        if not self._seen_led:
            self._led_by_others = None
        self._seen_led = False
        self._ayes = {self.name}
        self._ask("pre_vote", self.state.term + 1)
        if self._peers.majority == 1:
            self._stand()

    def on_pre_vote(self, source: str, body: Body) -> None:
        led = self._led()
        granted = not led and body["term"] > self.state.term and tuple(body["last"]) >= self.state.last
        answer = {"type": "pre_vote_reply", "for": body["term"], "granted": granted, "led": led}
        self.send(source, answer | {"term": self.state.term})

    def on_pre_vote_reply(self, source: str, body: Body) -> None:
        if self.role != FOLLOWER or self.leader is not None:
            return
        if body["term"] > self.state.term:
            self._follow(body["term"])
        if body["led"]:
            self._led_by_others, self._seen_led = source, True
        elif body["granted"] and body["for"] == self.state.term + 1:
            self._ayes.add(source)
            if len(self._ayes) == self._peers.majority:
                self._stand()

    def _stand(self) -> None:
        """Stands for election, once the vote for itself is durable."""
        self.role, self.leader = CANDIDATE, None
        self.state.enter(self.state.term + 1, self.name)
        self._ayes = {self.name}
        self._rest()
        self.spawn(self._ask_durably(self.state.term))

    async def _ask_durably(self, term: int) -> None:
        await self.state.sync()
        if self.role == CANDIDATE and self.state.term == term:
            self._ask("vote", term)
            if self._peers.majority == 1:
                self._lead()

    def _ask(self, kind: str, term: int) -> None:
        for peer in self.peers:
            self.send(peer, {"type": kind, "term": term, "last": self.state.last})

    def on_vote(self, source: str, body: Body) -> Awaitable[None]:
        term = body["term"]
        if term > self.state.term:
            self._follow(term)
        granted = term == self.state.term and self.state.voted_for in (None, source)
        granted = granted and tuple(body["last"]) >= self.state.last
        if granted and self.state.voted_for is None:
            self.state.enter(term, source)
            self._rest()
        return self._reply_durably(source, {"type": "vote_reply", "term": self.state.term, "granted": granted})

    def on_vote_reply(self, source: str, body: Body) -> None:
        if body["term"] > self.state.term:
            self._follow(body["term"])
        elif self.role == CANDIDATE and body["term"] == self.state.term and body["granted"]:
            self._ayes.add(source)
            if len(self._ayes) == self._peers.majority:
                self._lead()

    async def _reply_durably(self, dest: str, body: Body) -> None:
        """Sends a promise once it would survive a crash, unless a later term has overtaken it by then."""
        await self.state.sync()
        if self.state.term == body["term"]:
            self.send(dest, body)

    def _follow(self, term: int) -> None:
        """Returns to the ranks, in this term or a later one."""
        if term > self.state.term:
            self.state.enter(term, None)
        led, self.role, self.leader = self.role == LEADER, FOLLOWER, None
        if led:
            self._rest()
            self.resigned()

    def _led(self) -> bool:
        """Whether there is a leader, as far as this server can tell."""
        recent = self.clock.monotonic() - self._heard_ns < self._election_ns
        return self.role == LEADER or (self.leader is not None and recent)

    # Following (5.3) --------------------------------------------------------------------------------------------------

    def on_append(self, source: str, body: Body) -> Awaitable[None] | None:
        state, term, previous, entries = self.state, body["term"], body["previous"], body["entries"]
        reply = {"type": "append_reply", "term": max(term, state.term), "round": body["round"], "previous": previous}
        if term < state.term:
            self.send(source, reply | {"ok": False, "next": 0})
            return None
        if term > state.term or self.role != FOLLOWER:
            self._follow(term)
        if body["heard"]:
            self.leader, self._heard_ns = source, self.clock.monotonic()
            self._rest()
        if state.term_at(previous) != body["previous_term"]:
            reply |= {"ok": False, "next": state.back_up(previous)}
        else:
            state.store(previous, entries)
            reply |= {"ok": True, "next": previous + len(entries) + 1}
            self._commit(min(body["commit"], previous + len(entries)))
        if not state.clean:
            return self._reply_durably(source, reply)
        self.send(source, reply)
        return None

    def _commit(self, upto: int) -> None:
        while self.commit < upto:
            self.commit = index = self.commit + 1
            self.applied(index, self.state.command_at(index))

    # Leading (5.3, 5.4) -----------------------------------------------------------------------------------------------

    def _lead(self) -> None:
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
        if not self._peers.quorum_since(self.clock.monotonic() - 2 * self._election_ns):
            self.log(f"hears no majority and resigns in term {term}")
            self._follow(term)
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
        body["heard"] = self.clock.monotonic() - progress.heard_ns < self._election_ns
        self.send(peer, body)

    def on_append_reply(self, source: str, body: Body) -> None:
        if body["term"] > self.state.term:
            self._follow(body["term"])
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
