"""Members that leave and come back while the cluster runs, by the gateway's member requests.

Every change is asked of the leader, which knows the members as a majority does. A member that was removed ends by
itself, and can never come back as what it was: etcd wants a new member, which starts with nothing. Its configuration is
rewritten for that (see `daemons`), once the cluster has taken it in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.client import Failed, Indeterminate
from harness.clusters.base import Cluster
from harness.errors import NodeError, Unsupported
from targets.etcd.asking import demand, leaders, statuses
from targets.etcd.daemons import CONFIG, rejoining, written
from targets.etcd.errors import failure
from targets.unanswered import Malformed, Unanswered

CHANGE_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the cluster lists it. One that was added and has not started yet has no name."""

    id: str
    name: str
    peer_urls: tuple[str, ...]


class EtcdMembership:
    """See `harness.target.Membership`."""

    async def members(self, cluster: Cluster) -> Sequence[str]:
        """The nodes that belong and have started, as the leader lists them."""
        try:
            listed = await _listed(cluster, await _leader(cluster))
        except (Failed, Indeterminate) as problem:
            raise NodeError(f"etcd does not tell its members: {problem.error['text']}") from problem
        return [member.name for member in listed if member.name in cluster.nodes]

    async def leave(self, cluster: Cluster, node: str) -> None:
        """Removes the member. Its process ends by itself, and is killed if it does not."""
        leader = await _leader(cluster)
        listed = await _listed(cluster, leader)
        member = next((one for one in listed if one.name == node), None)
        if member is None:
            raise Failed({"type": "no-member", "text": f"{node} is no member"})
        # A server that removes itself may stop before it has answered, and leave open whether it did.
        others = (one.name for one in listed if one.name != node and one.name in cluster.nodes)
        asked = leader if leader != node else next(others, leader)
        await _changed(cluster, asked, "/v3/cluster/member/remove", {"ID": member.id})
        assert cluster.processes is not None, "a cluster of real programs has processes"
        await cluster.processes.kill([node])

    async def join(self, cluster: Cluster, node: str) -> None:
        """Adds the node as a new member, and starts it with nothing."""
        if cluster.files is None or cluster.processes is None:
            raise Unsupported("a member comes back with another configuration, and this cluster cannot write files")
        leader = await _leader(cluster)
        config = _config(node, await cluster.files.get(node, CONFIG))
        url = str(config["initial-advertise-peer-urls"])
        listed = await _listed(cluster, leader)
        if not any(url in member.peer_urls for member in listed):
            await _changed(cluster, leader, "/v3/cluster/member/add", {"peerURLs": [url]})
            listed = await _listed(cluster, leader)
        mine = next((member for member in listed if url in member.peer_urls), None)
        if mine is None:
            raise Indeterminate({"type": "no-member", "text": f"{node} was added and is not listed"})
        members = {member.name: member.peer_urls[0] for member in listed if member.name and member is not mine}
        await cluster.processes.kill([node])
        await cluster.files.put(node, CONFIG, written(rejoining(config, {**members, node: url}, mine.id)))
        await cluster.processes.start([node])


async def _leader(cluster: Cluster) -> str:
    """The node to ask. Raises `Failed` when nobody leads: nothing was asked yet."""
    found = leaders(await statuses(cluster))
    if not found:
        raise Failed({"type": "no-leader", "text": "no node says that it leads"})
    return found[0]


async def _listed(cluster: Cluster, node: str) -> list[Member]:
    answer = await _asked(cluster, node, "/v3/cluster/member/list", {}, harmless=True)
    try:
        return _members(answer)
    except Malformed as problem:
        raise failure(problem, harmless=True) from problem


async def _changed(cluster: Cluster, node: str, path: str, body: Mapping[str, Any]) -> None:
    await _asked(cluster, node, path, body, harmless=False)


async def _asked(cluster: Cluster, node: str, path: str, body: Mapping[str, Any], *, harmless: bool) -> dict[str, Any]:
    try:
        async with asyncio.timeout(CHANGE_S_MAX):
            return await demand(cluster, node, path, body)
    except Unanswered as problem:
        raise failure(problem, harmless=harmless) from problem
    except TimeoutError as late:
        said = {"type": "timeout", "text": f"no answer to {path} within {CHANGE_S_MAX:g} s"}
        raise (Failed(said) if harmless else Indeterminate(said)) from late


def _members(answer: Mapping[str, Any]) -> list[Member]:
    """Raises `Malformed`."""
    try:
        return [_member(one) for one in answer["members"]]
    except (LookupError, TypeError, AttributeError) as problem:
        raise Malformed("not a list of members") from problem


def _member(raw: Mapping[str, Any]) -> Member:
    number, name, urls = raw["ID"], raw.get("name", ""), tuple(raw["peerURLs"])
    if not (isinstance(number, str) and number.isdigit() and len(number) <= 20):
        raise Malformed("a member whose ID is no number")
    if not isinstance(name, str) or not urls or not all(isinstance(url, str) for url in urls):
        raise Malformed("a member without a name or a peer URL")
    return Member(number, name, urls)


def _config(node: str, text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
        if isinstance(config["data-dir"], str) and isinstance(config["initial-advertise-peer-urls"], str):
            return dict(config)
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    raise NodeError(f"{node}: {CONFIG} is not what was written there")
