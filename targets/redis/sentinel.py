"""Who the primary is: what a node's own sentinel says, and what a server says of itself."""

from __future__ import annotations

from functools import partial

from harness.clusters.base import Cluster
from targets.redis.daemons import GROUP, SENTINEL_PORT, node_at, server_port
from targets.redis.resp import Line, Reply
from targets.unanswered import Malformed, NotSent


async def primary_of(cluster: Cluster, node: str) -> str:
    """The node of the primary, as `node`'s sentinel sees it. Raises `NotSent` when it is unreachable or knows none,
    `Malformed` for what is no answer, and `Broken`."""
    line = await Line.open(partial(cluster.dial, node, SENTINEL_PORT))
    try:
        reply = await line.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", GROUP)
    finally:
        line.close()
    return _node(cluster, reply)


async def open_primary(cluster: Cluster, node: str) -> Line:
    """A connection to the server of a node that says that it is the primary. Raises as `primary_of`: nothing was asked
    of it yet that would change anything."""
    line = await Line.open(partial(cluster.dial, node, server_port(cluster.nodes, node)))
    try:
        if await role(line) != "master":
            raise NotSent(f"{node} is said to be the primary, but is none")
    except BaseException:
        line.close()
        raise
    return line


async def role(line: Line) -> str:
    """`master` or `slave`, as the server says. Raises `Unanswered`."""
    reply = await line.call("ROLE")
    if not isinstance(reply, list) or not reply or not isinstance(reply[0], bytes):
        raise Malformed("not the answer to ROLE")
    return reply[0].decode("utf-8", "replace")


async def epoch(line: Line) -> tuple[int, int, int]:
    """What a sentinel knows: the group's configuration epoch, and how many replicas and other sentinels. Raises a
    `Unanswered`."""
    reply = await line.call("SENTINEL", "MASTER", GROUP)
    if not isinstance(reply, list) or not all(isinstance(word, bytes) for word in reply):
        raise Malformed("not the answer to SENTINEL MASTER")
    told = dict(zip(reply[::2], reply[1::2], strict=False))
    return _count(told, b"config-epoch"), _count(told, b"num-slaves"), _count(told, b"num-other-sentinels")


def _count(told: dict[Reply, Reply], name: bytes) -> int:
    digits = told.get(name)
    if not isinstance(digits, bytes) or not digits.isdigit() or len(digits) > 18:
        raise Malformed(f"a sentinel that does not tell its {name.decode()}")
    return int(digits)


def _node(cluster: Cluster, reply: Reply) -> str:
    if reply is None:
        raise NotSent("the sentinel knows no primary")
    if not isinstance(reply, list) or len(reply) != 2 or not isinstance(reply[1], bytes):
        raise Malformed("not an address")
    digits = reply[1]
    node = node_at(cluster.nodes, int(digits)) if digits.isdigit() and len(digits) < 6 else None
    if node is None:
        raise NotSent(f"the sentinel names a primary that is no node: {digits[:20]!r}")
    return node
