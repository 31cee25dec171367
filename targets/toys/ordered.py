"""A store in which one server at a time orders all writes, and ships them to the others as a log.

This is what primary-copy stores have in common (Alsberg and Day, "A Principle for Resilient Sharing of Distributed
Resources", ICSE 1976); they differ in who leads, what a write waits for, and who may answer a read, which is left to
subclasses. What is the same is the log (`shipping`), what it does to registers, and how a request gets to the leader.
Nothing is tried twice: a write whose fate is unknown is reported as such.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from harness.node import Body, Host, RpcError
from harness.node.errors import TEMPORARILY_UNAVAILABLE, TIMEOUT
from targets.toys.machine import Command, Registers
from targets.toys.raft_log import Entry
from targets.toys.requests import field, key_of
from targets.toys.shipping import Shipping
from targets.toys.values import steps_of

PATIENCE_S = 1.5
"""How long a request that was handed on may take before it counts as lost."""


class Ordered(Shipping):
    """One server. Options as for `Shipping`."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self.registers = Registers()
        self._taken = 0
        self._proposals: dict[int, asyncio.Future[Body]] = {}

    # What a store decides ---------------------------------------------------------------------------------------------

    def admit(self) -> None:
        """As leader: refuses a write that would have to wait in vain. Raises `RpcError`."""

    def read_as_leader(self, key: str | int) -> Body:
        """Raises `RpcError` while it cannot tell that its state is the latest."""
        if self.commit < self.opening:
            raise unavailable("the leader does not know yet what was committed before it")
        return self.registers.read(key)

    def outcome_of_settled(self) -> Any:
        return self.registers.state()

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
        self.cut_if_long()

    def rewind(self) -> None:
        self.commit, self.registers = self.state.snapshot.index, Registers()
        if self.commit:
            self.registers.restore(self.state.snapshot.state)

    def follow(self, term: int, leader: str | None) -> None:
        super().follow(term, leader)
        undecided, self._proposals = self._proposals, {}
        for answer in undecided.values():
            answer.set_result({"type": "error", "code": TIMEOUT, "text": "leadership was lost before it was committed"})


def unavailable(why: str) -> RpcError:
    """A refusal: nothing was done, and later it may work."""
    return RpcError(TEMPORARILY_UNAVAILABLE, why)
