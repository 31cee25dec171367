"""Members of the store on Raft that leave and come back while it runs, asked of its leader.

A server that left runs on as it is: it asks the others who leads, and hands requests to whoever knows. It joins again
with all that it has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from harness.client import Failed, Indeterminate
from harness.clusters.base import Cluster
from harness.errors import NodeError
from harness.rpc import call
from targets.toy import leaders

CHANGE_S_MAX = 5.0
"""How long a change may take: first what a server lacks is sent to it."""

LOOK_S = 0.2
LOOKS_MAX = 5
"""How often it is asked who leads, until somebody does."""


class RaftMembership:
    """See `harness.target.Membership`."""

    async def members(self, cluster: Cluster) -> Sequence[str]:
        """The members in force with a leader that a majority has confirmed just now."""
        try:
            answer = await _asked(cluster, {"type": "members"})
        except (Failed, Indeterminate) as problem:
            raise NodeError(f"raft does not tell its members: {problem.error['text']}") from problem
        return [name for name in cluster.nodes if name in answer["members"]]

    async def leave(self, cluster: Cluster, node: str) -> None:
        """Returns once the members without it are committed."""
        await _asked(cluster, {"type": "leave", "node": node})

    async def join(self, cluster: Cluster, node: str) -> None:
        """Returns once the members with it are committed."""
        await _asked(cluster, {"type": "join", "node": node})


async def _leader(cluster: Cluster) -> str:
    """Waits for an election if there must be one. Raises `Failed`."""
    for _ in range(LOOKS_MAX):
        if found := await leaders(cluster):
            return found[0]
        await asyncio.sleep(LOOK_S)
    raise Failed({"type": "no-leader", "text": "no node says that it leads"})


async def _asked(cluster: Cluster, body: dict[str, Any]) -> dict[str, Any]:
    leader = await _leader(cluster)
    try:
        connection = await cluster.connect(leader)
    except OSError as problem:
        raise Failed({"type": "unreachable", "text": str(problem)}) from problem
    try:
        async with asyncio.timeout(CHANGE_S_MAX):
            return await call(connection, body)
    except TimeoutError as late:
        said = {"type": "timeout", "text": f"{leader} did not answer {body['type']} within {CHANGE_S_MAX:g} s"}
        raise Indeterminate(said) from late
    finally:
        await connection.close()
