"""How a node is started: its server, then its sentinel, each with a configuration file in the node's data directory.

Both programs rewrite their file when roles change, so a node that comes back comes back as what it last was. A former
primary that was dead during the failover thus takes itself for the primary still, until the sentinels turn it into a
replica: that is how Redis is run, and one of the ways in which it loses writes. The first node of the cluster is the
first primary.

Every node's server has a port of its own. Sentinels speak of addresses, clients dial nodes: by the port they know which
node is meant, wherever a cluster has put it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.target import Daemon

SENTINEL_PORT = 26379
FIRST_PORT = 6379

GROUP = "splitbrain"
"""What the sentinels call the primary and its replicas."""


def server_port(nodes: Iterable[str], node: str) -> int:
    """The port of a node's server, in a cluster of these nodes."""
    return FIRST_PORT + sorted(nodes).index(node)


def node_at(nodes: Iterable[str], port: int) -> str | None:
    """The node whose server has that port."""
    ordered = sorted(nodes)
    place = port - FIRST_PORT
    return ordered[place] if 0 <= place < len(ordered) else None


def server(
    node: str, addresses: Mapping[str, str], data: str, *, min_replicas: int = 0, settings: Sequence[str] = ()
) -> Daemon:
    """The server of one node. With `min_replicas` a primary refuses writes that so many replicas would not hear of."""
    first, port = next(iter(addresses)), server_port(addresses, node)
    lines = [
        f"bind {addresses[node]}",
        f"port {port}",
        f"replica-announce-ip {addresses[node]}",
        f"dir {data}",
        "protected-mode no",
        'save ""',
        "appendonly yes",
        "appendfsync always",
        "repl-diskless-sync-delay 0",
        "repl-timeout 10",
        f"min-replicas-to-write {min_replicas}",
        "min-replicas-max-lag 2",
        *settings,
    ]
    if node != first:
        lines.append(f"replicaof {addresses[first]} {server_port(addresses, first)}")
    return Daemon(
        "redis", ("redis-server", f"{data}/redis.conf"), port, files={"redis.conf": "".join(f"{x}\n" for x in lines)}
    )


def sentinel(
    node: str, addresses: Mapping[str, str], data: str, *, down_after_ms: int, failover_timeout_ms: int
) -> Daemon:
    """The sentinel of one node. It is told the replicas: by itself it asks the primary for them only every 10 s."""
    first, *replicas = addresses
    lines = [
        f"bind {addresses[node]}",
        f"port {SENTINEL_PORT}",
        f"sentinel announce-ip {addresses[node]}",
        f"dir {data}",
        "protected-mode no",
        f"sentinel monitor {GROUP} {addresses[first]} {server_port(addresses, first)} {len(addresses) // 2 + 1}",
        f"sentinel down-after-milliseconds {GROUP} {down_after_ms}",
        f"sentinel failover-timeout {GROUP} {failover_timeout_ms}",
        *(f"sentinel known-replica {GROUP} {addresses[one]} {server_port(addresses, one)}" for one in replicas),
    ]
    return Daemon(
        "sentinel",
        ("redis-sentinel", f"{data}/sentinel.conf"),
        SENTINEL_PORT,
        files={"sentinel.conf": "".join(f"{x}\n" for x in lines)},
    )
