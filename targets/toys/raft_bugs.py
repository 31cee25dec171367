"""Bugs to plant in the store on Raft, each an override of the one method it spoils."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from harness.node import Body
from targets.toys.raft import Raft


class StaleLeaderReads(Raft):
    """A leader answers reads from its own state, without asking whether it still leads (etcd before 3.0)."""

    def _read(self, key: str | int) -> Awaitable[Body]:
        answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        answer.set_result(self._registers.read(key))
        return answer
