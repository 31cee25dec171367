"""Single questions to nodes of a cluster, each on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from harness.clusters.base import Cluster
from targets.etcd.daemons import CLIENT_PORT
from targets.etcd.gateway import Gateway
from targets.unanswered import Unanswered

ASK_S_MAX = 1.0


async def ask(
    cluster: Cluster, node: str, path: str, body: Mapping[str, Any], seconds: float = ASK_S_MAX
) -> dict[str, Any] | None:
    """The answer; None when it was refused or did not come in time."""
    try:
        async with asyncio.timeout(seconds):
            return await demand(cluster, node, path, body)
    except (TimeoutError, Unanswered):
        return None


async def demand(cluster: Cluster, node: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer. Raises `Unanswered`."""
    gateway = Gateway(partial(cluster.dial, node, CLIENT_PORT))
    try:
        return await gateway.call(path, body)
    finally:
        gateway.drop()


async def statuses(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """What every node that answers says of itself."""
    answers = await asyncio.gather(*(ask(cluster, node, "/v3/maintenance/status", {}) for node in cluster.nodes))
    return {node: answer for node, answer in zip(cluster.nodes, answers, strict=True) if answer is not None}


def leaders(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Out of such statuses, the nodes that take themselves for the leader, in the latest term that any of those speaks
    of."""
    terms = {node: term_led(status) for node, status in found.items()}
    latest = max(terms.values(), default=0)
    return [node for node, term in terms.items() if term == latest > 0]


def term_led(status: Mapping[str, Any]) -> int:
    """The term in which the node that gave this status leads, 0 if it does not."""
    header = status["header"]
    member, term = header.get("member_id"), header.get("raft_term")
    leads = isinstance(member, str) and member == status.get("leader")
    return int(term) if leads and isinstance(term, str) and term.isdigit() and len(term) < 20 else 0
