"""Raft's elections: at most one leader in a term, and one whenever a majority can talk to each other.

Diego Ongaro and John Ousterhout, "In Search of an Understandable Consensus Algorithm", USENIX ATC 2014, figure 2;
section numbers here are theirs, "diss." is Ongaro's thesis "Consensus: Bridging Theory and Practice" (2014). Where they
leave a choice:

- An election begins with a question that changes nothing (pre-vote, diss. 9.6). Whoever hears from a leader says no. So
  a server that was cut off comes back without forcing an election, and one that is only deaf never forces any.
- A no tells who follows a leader. A server that cannot reach one itself remembers it, to send requests that way.
- Votes are given to whoever asks, and counted from members (diss. 4.2): who has not heard of a change must not be kept
  from electing one that has.
- A vote, like every promise, leaves this server once it would survive a crash.

Only monotonic clocks are used, and they decide when to act, never what is true.
"""

from __future__ import annotations

from collections.abc import Awaitable

from harness.node import Body, Host, Node
from targets.toys.raft_log import RaftLog
from targets.toys.raft_members import is_majority

FOLLOWER, CANDIDATE, LEADER = "follower", "candidate", "leader"


class Voter(Node):
    """A server as far as elections go. A subclass leads once `elected`, keeps others from standing by `led_by`, and
    hears when it has `resigned`.

    `election_ms`: how long to wait for a leader, between once and twice that.
    """

    def __init__(self, host: Host, *, election_ms: int) -> None:
        super().__init__(host)
        self.state = RaftLog(host.disk, host.nodes)
        self.role = FOLLOWER
        self.leader: str | None = None
        self.guide: str | None = None
        """Another server, which follows a leader while this one hears of none."""
        self.election_ns = election_ms * 1_000_000
        self._heard_ns = -(1 << 62)
        self._look_at_ns = 0
        self._ayes: set[str] = set()
        self._guided = False

    async def start(self) -> None:
        await self.state.recover()
        self._rest()
        self._watch()

    def may_stand(self) -> bool:
        """Whether this server may ask for votes."""
        return True

    def elected(self) -> None:
        """This server leads the current term from now on."""

    def resigned(self) -> None:
        """This server leads no longer."""

    def led_by(self, leader: str) -> None:
        """The leader of this term was heard from."""
        self.leader, self._heard_ns = leader, self.clock.monotonic()
        self._rest()

    def follow(self, term: int) -> None:
        """Returns to the ranks, in this term or a later one."""
        if term > self.state.term:
            self.state.enter(term, None)
        led, self.role, self.leader = self.role == LEADER, FOLLOWER, None
        if led:
            self._rest()
            self.resigned()

    async def promise(self, dest: str, body: Body) -> None:
        """Sends what the other side will rely on once it would survive a crash, unless a later term has overtaken it by
        then."""
        await self.state.sync()
        if self.state.term == body["term"]:
            self.send(dest, body)

    def _is_led(self) -> bool:
        """Whether there is a leader, as far as this server can tell."""
        recent = self.clock.monotonic() - self._heard_ns < self.election_ns
        return self.role == LEADER or (self.leader is not None and recent)

    def _rest(self) -> None:
        """Waits anew for a leader, for a time of its own so that seldom two servers run out of patience together."""
        self._look_at_ns = self.clock.monotonic() + self.election_ns + self.random.randrange(self.election_ns)

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
        if not self._guided:
            self.guide = None
        self._guided = False
        self._ayes = {self.name}
        self._ask("pre_vote", self.state.term + 1)
        self._stand_if_wanted()

    def on_pre_vote(self, source: str, body: Body) -> None:
        led = self._is_led()
        granted = not led and body["term"] > self.state.term and tuple(body["last"]) >= self.state.last
        answer = {"type": "pre_vote_reply", "for": body["term"], "granted": granted, "led": led}
        self.send(source, answer | {"term": self.state.term})

    def on_pre_vote_reply(self, source: str, body: Body) -> None:
        if self.role != FOLLOWER or self.leader is not None:
            return
        if body["term"] > self.state.term:
            self.follow(body["term"])
        if body["led"]:
            self.guide, self._guided = source, True
        elif body["granted"] and body["for"] == self.state.term + 1:
            self._ayes.add(source)
            self._stand_if_wanted()

    def _stand_if_wanted(self) -> None:
        if self.may_stand() and self._is_majority():
            self._stand()

    def _is_majority(self) -> bool:
        return is_majority(self._ayes, self.state.members.latest)

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
            if self._is_majority():
                self.elected()

    def _ask(self, kind: str, term: int) -> None:
        for peer in self.state.members.latest:
            if peer != self.name:
                self.send(peer, {"type": kind, "term": term, "last": self.state.last})

    def on_vote(self, source: str, body: Body) -> Awaitable[None]:
        term = body["term"]
        if term > self.state.term:
            self.follow(term)
        granted = term == self.state.term and self.state.voted_for in (None, source)
        granted = granted and tuple(body["last"]) >= self.state.last
        if granted and self.state.voted_for is None:
            self.state.enter(term, source)
            self._rest()
        return self.promise(source, {"type": "vote_reply", "term": self.state.term, "granted": granted})

    def on_vote_reply(self, source: str, body: Body) -> None:
        if body["term"] > self.state.term:
            self.follow(body["term"])
        elif self.role == CANDIDATE and body["term"] == self.state.term and body["granted"]:
            self._ayes.add(source)
            if self._is_majority():
                self.elected()
