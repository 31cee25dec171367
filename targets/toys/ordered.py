"""A store in which one server at a time orders all writes, and ships them to the others as a log.

This is what primary-copy stores have in common (Alsberg and Day, "A Principle for Resilient Sharing of Distributed
Resources", ICSE 1976); they differ in who leads, what a write waits for, and who may answer a read, which is left to
subclasses. What is the same:

- *A log, and a term for each leadership.* A leader of an older term is refused; where two logs differ, the one of the
  later leadership replaces the other's (`RaftLog.store`). So a follower's log is at any time that of some leader up to
  some point.
- *Messages* may be lost, repeated and reordered; each says all that is needed to act on it, and what is overdue is said
  again with the next beat.
- *Nothing is tried twice.* A write whose fate is unknown is reported as such.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from harness.node import Body, Host, Node, RpcError
from harness.node.errors import TEMPORARILY_UNAVAILABLE, TIMEOUT
from targets.toys.machine import Command, Registers
from targets.toys.raft_log import Entry, RaftLog
from targets.toys.raft_peers import Peers
from targets.toys.requests import field, key_of
from targets.toys.values import steps_of

PATIENCE_S = 1.5
"""How long a request that was handed on may take before it counts as lost."""

ENTRIES_MAX = 256
"""Entries in one message."""


class Ordered(Node):
    """One server. `batch_ms`: how long a leader collects writes before it ships them together. `beat_ms`: how often it
    speaks when there are none."""

    def __init__(self, host: Host, *, batch_ms: float = 4, beat_ms: int = 60) -> None:
        super().__init__(host)
        self.state = RaftLog(host.disk, host.nodes)
        self.leader: str | None = None
        self.commit = 0
        """The index of the last entry that is applied here."""
        self.progress = Peers(self.name)
        self.registers = Registers()
        self.own = 0
        """As leader: the index up to which its own copy is durable."""
        self.opening = 0
        """As leader: the index of its first entry."""
        self._batch_s = batch_ms / 1000
        self._beat_s = beat_ms / 1000
        self._ship_pending = False
        self._taken = 0
        self._proposals: dict[int, asyncio.Future[Body]] = {}

    async def start(self) -> None:
        await self.state.recover()
        self._beat()

    # What a store decides ---------------------------------------------------------------------------------------------

    def admit(self) -> None:
        """As leader: refuses a write that would have to wait in vain. Raises `RpcError`."""

    def conclude(self) -> None:
        """As leader: applies, and so acknowledges, whatever has been made safe enough."""
        raise NotImplementedError

    def read_as_leader(self, key: str | int) -> Body:
        """Raises `RpcError` while it cannot tell that its state is the latest."""
        if self.commit < self.opening:
            raise unavailable("the leader does not know yet what was committed before it")
        return self.registers.read(key)

    def take(self, previous: int, entries: list[Entry], commit: int) -> None:
        """As follower: takes over entries behind an index where both logs agree, and applies what is committed."""
        self.state.store(previous, entries)
        self.apply_upto(min(commit, previous + len(entries)))

    # Requests ---------------------------------------------------------------------------------------------------------

    def on_read(self, source: str, body: Body) -> Body | Awaitable[Body]:
        return self._answer(self._command("read", key_of(body)))

    def on_write(self, source: str, body: Body) -> Awaitable[Body]:
        return self._answer(self._command("write", key_of(body), field(body, "value")))

    def on_cas(self, source: str, body: Body) -> Awaitable[Body]:
        return self._answer(self._command("cas", key_of(body), field(body, "from"), field(body, "to")))

    def on_txn(self, source: str, body: Body) -> Awaitable[Body]:
        return self._answer(self._command("txn", steps_of(body)))

    def on_status(self, source: str, body: Body) -> Body:
        status = {"role": "leader" if self.leads else "follower", "leader": self.leader, "term": self.state.term}
        return {"type": "status_ok", "commit": self.commit, "last": self.state.last_index} | status

    @property
    def leads(self) -> bool:
        return self.leader == self.name

    def _command(self, *what: Any) -> Command:
        self._taken += 1
        return [self.name, self.state.boots << 32 | self._taken, *what]

    async def _answer(self, command: Command) -> Body:
        """Serves a request as the leader, or hands it to the leader."""
        if self.leads:
            return await self._serve_as_leader(command)
        if self.leader is None:
            raise unavailable("no leader is known here")
        try:
            return await self.rpc(self.leader, {"type": "forward", "command": command}, PATIENCE_S)
        except TimeoutError:
            code = TEMPORARILY_UNAVAILABLE if command[2] == "read" else TIMEOUT
            raise RpcError(code, "the leader did not answer") from None

    async def on_forward(self, source: str, body: Body) -> Body:
        if not self.leads:
            raise unavailable("this server does not lead")
        return await self._serve_as_leader(body["command"])

    async def _serve_as_leader(self, command: Command) -> Body:
        if command[2] == "read":
            return self.read_as_leader(command[3])
        self.admit()
        answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        self._proposals[self.state.append(command)] = answer
        self._ship_soon()
        return await answer

    def apply_upto(self, index: int) -> None:
        """Does the commands up to there, in order, and answers those who wait for them here."""
        while self.commit < index:
            self.commit += 1
            command = self.state.command_at(self.commit)
            result = self.registers.apply(command) if command else {}
            if answer := self._proposals.pop(self.commit, None):
                answer.set_result(result)

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
        undecided, self._proposals = self._proposals, {}
        for answer in undecided.values():
            answer.set_result({"type": "error", "code": TIMEOUT, "text": "leadership was lost before it was committed"})

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
        previous = progress.next - 1
        entries = [] if progress.probing else state.slice(progress.next, ENTRIES_MAX)
        progress.next += len(entries)
        body = {"type": "log", "term": state.term, "round": self.progress.round, "commit": self.commit}
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
        term, previous, entries = body["term"], body["previous"], body["entries"]
        reply = {"type": "log_reply", "term": term, "round": body["round"], "previous": previous}
        if term < self.state.term:
            self.send(source, reply | {"term": self.state.term, "ok": False, "next": 0})
            return None
        self.led_by(source, term)
        if self.state.term_at(previous) != body["previous_term"]:
            reply |= {"ok": False, "next": self.state.back_up(previous)}
        else:
            self.take(previous, entries, body["commit"])
            reply |= {"ok": True, "next": previous + len(entries) + 1}
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


def unavailable(why: str) -> RpcError:
    """A refusal: nothing was done, and later it may work."""
    return RpcError(TEMPORARILY_UNAVAILABLE, why)
