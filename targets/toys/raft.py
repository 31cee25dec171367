"""A key-value store on Raft: it keeps its promises, and is silent where it cannot.

Every write goes through one elected leader into a log that a majority has made durable (`raft_server`). The trade-off
is that of every CP store: whoever cannot reach a majority gets no answer.

- *Reads* do not go through the log, and trust no clock. A leader answers once a majority has confirmed, after the read
  arrived, that it still leads, and once an entry of its own term is committed (ReadIndex: section 6.4 of Ongaro,
  "Consensus: Bridging Theory and Practice", 2014). Leases would spare that exchange, and would be wrong on a machine
  whose clock jumps or which stands still for a while.
- *Any server takes requests.* Followers hand them to the leader. One that has none hands them to a server that follows
  one: any two majorities have a member in common, so whoever sees a majority finds such a go-between, even where no
  two servers see the same majority.
- *Nothing is tried twice.* A write whose fate is unknown is reported as such; it is refused only if it was never
  proposed, or if another leader's entry is known to be committed in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from harness.node import Body, Host, RpcError
from harness.node.errors import ABORT, MALFORMED_REQUEST, TEMPORARILY_UNAVAILABLE, TIMEOUT
from targets.toys.machine import Command, Registers
from targets.toys.raft_changes import Reconfigurable
from targets.toys.raft_election import LEADER
from targets.toys.raft_members import naming
from targets.toys.requests import field, key_of
from targets.toys.values import steps_of

HOPS_MAX = 2
"""How often a request is handed on: to the leader, or to a go-between and then to the leader."""

PATIENCE_S = 1.5
"""How long a request that was handed on may take before it counts as lost."""

UNDECIDED_S = 0.5
"""How long the fate of proposals is still awaited after their leader has lost its office."""

Proposal = tuple[int, "asyncio.Future[Body]"]
"""The term of a proposed command, and the answer its client waits for."""


class Raft(Reconfigurable):
    """One server of the store. Options as for `RaftServer`."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._registers = Registers()
        self._taken = 0
        self._reads: list[tuple[int, Callable[[], Body], asyncio.Future[Body]]] = []
        self._proposals: dict[int, Proposal] = {}

    def on_read(self, source: str, body: Body) -> Awaitable[Body]:
        return self._answer(self._command("read", key_of(body)), 0)

    def on_write(self, source: str, body: Body) -> Awaitable[Body]:
        return self._answer(self._command("write", key_of(body), field(body, "value")), 0)

    def on_cas(self, source: str, body: Body) -> Awaitable[Body]:
        return self._answer(self._command("cas", key_of(body), field(body, "from"), field(body, "to")), 0)

    def on_txn(self, source: str, body: Body) -> Awaitable[Body]:
        return self._answer(self._command("txn", steps_of(body)), 0)

    def on_forward(self, source: str, body: Body) -> Awaitable[Body]:
        return self._answer(body["command"], body["hops"])

    async def on_join(self, source: str, body: Body) -> Body:
        """Refused by all but the leader, as is `leave`."""
        return await self._propose(naming(await self.members_with(self._node_of(body))))

    def on_leave(self, source: str, body: Body) -> Awaitable[Body]:
        return self._propose(naming(self.members_without(self._node_of(body))))

    def on_members(self, source: str, body: Body) -> Awaitable[Body]:
        if self.role != LEADER:
            raise RpcError(TEMPORARILY_UNAVAILABLE, "the leader knows the members, and this is none")
        return self._once_confirmed(lambda: {"type": "members_ok", "members": self.state.members.at(self.commit)})

    def _node_of(self, body: Body) -> str:
        node = field(body, "node")
        if node not in self.nodes:
            raise RpcError(MALFORMED_REQUEST, f"there is no node {node!r:.80}")
        return str(node)

    def on_status(self, source: str, body: Body) -> Body:
        status = {"role": self.role, "leader": self.leader, "term": self.state.term}
        status |= {"commit": self.commit, "last": self.state.last_index, "snapshot": self.state.snapshot.index}
        return {"type": "status_ok"} | status

    def _command(self, *what: Any) -> Command:
        self._taken += 1
        return [self.name, self.state.boots << 32 | self._taken, *what]

    async def _answer(self, command: Command, hops: int) -> Body:
        """Serves a request as the leader, or hands it on; `hops` is how often that was done before."""
        is_read = command[2] == "read"
        if self.role == LEADER:
            return await (self._read(command[3]) if is_read else self._propose(command))
        dest = self.leader or (None if hops else self.guide)
        if dest is None or hops == HOPS_MAX:
            raise RpcError(TEMPORARILY_UNAVAILABLE, "no leader is known here")
        try:
            return await self.rpc(dest, {"type": "forward", "command": command, "hops": hops + 1}, PATIENCE_S)
        except TimeoutError:
            raise RpcError(TEMPORARILY_UNAVAILABLE if is_read else TIMEOUT, f"{dest} did not answer") from None

    def _read(self, key: str | int) -> Awaitable[Body]:
        return self._once_confirmed(lambda: self._registers.read(key))

    def _once_confirmed(self, read: Callable[[], Body]) -> Awaitable[Body]:
        answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        self._reads.append((self.next_round(), read, answer))
        return answer

    def confirmed(self, round: int) -> None:
        """Serves the reads that arrived before that round was sent."""
        served = 0
        for needed, read, answer in self._reads:
            if needed > round:
                break
            answer.set_result(read())
            served += 1
        del self._reads[:served]

    def _propose(self, command: Any) -> Awaitable[Body]:
        answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        index = self.propose(command)
        if index in self._proposals:  # of an earlier leadership, overwritten since
            self._give_up({index: self._proposals[index]})
        self._proposals[index] = (self.state.term, answer)
        return answer

    def applied(self, index: int, command: Any) -> None:
        """Does a committed command, and answers its client if it waits here."""
        result = self._registers.apply(command) if isinstance(command, list) else {"type": "change_ok"}
        proposal = self._proposals.pop(index, None)
        if proposal is None:
            return
        term, answer = proposal
        if term != self.state.term_at(index):  # only a committed rival is proof: an overwritten entry may yet return
            result = _error(ABORT, "another leader's entry was committed in this one's place")
        answer.set_result(result)

    def outcome(self) -> Any:
        return self._registers.state()

    def restored(self, state: Any) -> None:
        self._registers.restore(state)

    def resigned(self) -> None:
        """Refuses the reads, and gives the proposals a moment to turn out well, or surely badly."""
        for _, _, answer in self._reads:
            answer.set_result(_error(TEMPORARILY_UNAVAILABLE, "leadership was lost before the read was served"))
        self._reads.clear()
        undecided = dict(self._proposals)
        self.after(UNDECIDED_S, lambda: self._give_up(undecided))

    def _give_up(self, undecided: dict[int, Proposal]) -> None:
        for index, proposal in undecided.items():
            if self._proposals.get(index) is proposal:
                del self._proposals[index]
                proposal[1].set_result(_error(TIMEOUT, "leadership was lost before the write was committed"))


def _error(code: int, text: str) -> Body:
    return {"type": "error", "code": code, "text": text}
