"""Changing who belongs to a Raft cluster while it runs (`raft_members`), by one server at a time.

A leader begins a change only when it can tell that nobody else's is under way:

- the last one is committed, or two of them could differ by two servers, and have majorities without a common one;
- and so is an entry of the leader's own term. Until then, an earlier leader's change may be in force elsewhere that
  this one has never heard of. The thesis overlooked this at first (Ongaro, "bug in single-server membership changes",
  raft-dev, July 2015).

A server that joins is first sent what it lacks while it does not count (thesis, 4.2.1): if it counted at once, a
majority might have to wait for it. One that leaves keeps what it has, its vote above all, and may join again with that;
who forgot a vote might give it twice. A leader that leaves goes on until that is committed, without counting itself,
and resigns (4.2.2).
"""

from __future__ import annotations

import asyncio

from harness.node import RpcError
from harness.node.errors import TEMPORARILY_UNAVAILABLE
from targets.toys.raft_election import LEADER
from targets.toys.raft_members import Names
from targets.toys.raft_server import RaftServer

CATCH_UP_S = 2.0
"""How long a server that wants to join may take to get what it lacks."""


class Reconfigurable(RaftServer):
    """A server whose members can change. Refusals are `RpcError`s that leave nothing open."""

    _taught: str | None = None
    """Who is sent what it lacks, before it counts."""

    async def members_with(self, node: str) -> Names:
        """As leader: the members and one more, which has caught up with them. They may now be proposed."""
        self._check()
        if node not in self.state.members.latest:
            await self._teach(node)
            self._check()
        return (*(name for name in self.state.members.latest if name != node), node)

    def members_without(self, node: str) -> Names:
        """As leader: the members but one. They may now be proposed."""
        self._check()
        left = tuple(name for name in self.state.members.latest if name != node)
        if not left:
            raise RpcError(TEMPORARILY_UNAVAILABLE, f"{node} is the last member")
        return left

    def _check(self) -> None:
        """Raises `RpcError` unless a change may begin now."""
        if self.role != LEADER:
            raise RpcError(TEMPORARILY_UNAVAILABLE, "the leader is asked for changes, and this is none")
        if self._taught is not None:
            raise RpcError(TEMPORARILY_UNAVAILABLE, f"{self._taught} is about to join")
        if self.commit < max(self._term_start, self.state.members.since):
            raise RpcError(TEMPORARILY_UNAVAILABLE, "an earlier change may be under way")

    async def _teach(self, node: str) -> None:
        """Returns once that server has what was committed a moment ago. It counts for nothing meanwhile."""
        term, self._taught = self.state.term, node
        progress = self._peers.teach(node, self.state.last_index + 1)
        try:
            for _ in range(max(1, round(CATCH_UP_S / self._heartbeat_s))):
                goal = self.commit
                await asyncio.sleep(self._heartbeat_s)
                if self.role != LEADER or self.state.term != term:
                    raise RpcError(TEMPORARILY_UNAVAILABLE, "leadership was lost before the change began")
                if progress.match >= goal:
                    return
            self._peers.dismiss(node)
            raise RpcError(TEMPORARILY_UNAVAILABLE, f"{node} did not catch up within {CATCH_UP_S:g} s")
        finally:
            self._taught = None
