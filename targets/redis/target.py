"""Redis with Sentinel as a target: its options, what it claims, when it is ready, and who is primary."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from harness.claims import Claim
from harness.clusters.base import Cluster
from harness.errors import NodeError, UnknownName
from harness.options import duration, integer
from harness.target import Bug, CommandService, Daemon, Membership, Trial
from targets.redis.clients import CLIENTS, RedisClient
from targets.redis.daemons import SENTINEL_PORT, sentinel, server, server_port
from targets.redis.resp import Line
from targets.redis.sentinel import epoch, open_primary, primary_of, role
from targets.unanswered import Unanswered

FAULTS = ("partition", "kill", "pause", "clock", "packet")

READY_S_MAX = 60.0
ASK_S_MAX = 1.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Redis:
    """The target; made by `redis`."""

    service: CommandService
    lock_ms: int
    name: str = "redis"
    workloads: Sequence[str] = tuple(CLIENTS)
    membership: Membership | None = None
    trials: Sequence[Trial] = ()
    bugs: Sequence[Bug] = ()

    @property
    def claims(self) -> Sequence[Claim]:
        """That it is one store again when all is healed: replication is asynchronous, and a failover loses what had not
        been replicated, so it promises no more."""
        converges = {"converges": {"within": 30}}
        return (Claim.of("redis-converges", converges, workload="register", nemeses=FAULTS),)

    def client(self, workload: str, cluster: Cluster, node: str) -> RedisClient:
        """The workload's client, which follows that node's sentinel."""
        if workload not in CLIENTS:
            raise UnknownName(f"redis has no client for workload {workload!r}: it has {', '.join(CLIENTS)}")
        return CLIENTS[workload](cluster, node, lock_ms=self.lock_ms)

    async def ready(self, cluster: Cluster) -> None:
        """Returns once every sentinel knows every replica and every other sentinel, and leads to a primary."""
        try:
            async with asyncio.timeout(READY_S_MAX):
                await asyncio.gather(*(_knows_all(cluster, node) for node in cluster.nodes))
        except TimeoutError:
            raise NodeError(
                f"redis did not become ready: not every sentinel knew all others and a primary within {READY_S_MAX:g} s"
            ) from None

    async def primaries(self, cluster: Cluster) -> Sequence[str]:
        """The nodes whose server says that it is primary, as the sentinel with the latest configuration sees it where
        several do; a former primary that is cut off counts as long as nobody knows of a later one."""
        servers = await asyncio.gather(*(_role(cluster, node) for node in cluster.nodes))
        claimants = [node for node, one in zip(cluster.nodes, servers, strict=True) if one == "master"]
        if len(claimants) < 2:
            return claimants
        told = [one for one in await asyncio.gather(*(_latest(cluster, node) for node in cluster.nodes)) if one]
        _, chosen = max(told, default=(0, ""))
        return [chosen] if chosen in claimants else claimants


def redis(
    *,
    down_after: float | str = "1s",
    failover_timeout: float | str = "3s",
    min_replicas: int = 0,
    lock: float | str = "10s",
) -> Redis:
    """The target. `down_after` and `failover_timeout` are the sentinels'; with `min_replicas` a primary refuses writes
    when it has heard of fewer replicas in the last 2 s; `lock` is how long a lock is held at most."""
    down_after_ms = round(1000 * duration("redis", "down_after", down_after, min_s=0.1, max_s=600))
    failover_ms = round(1000 * duration("redis", "failover_timeout", failover_timeout, min_s=0.1, max_s=600))
    replicas = integer("redis", "min_replicas", min_replicas, min=0, max=100)
    lock_ms = round(1000 * duration("redis", "lock", lock, min_s=0.01, max_s=3600))

    def daemons(node: str, addresses: Mapping[str, str], data: str) -> Sequence[Daemon]:
        return (
            server(node, addresses, data, min_replicas=replicas),
            sentinel(node, addresses, data, down_after_ms=down_after_ms, failover_timeout_ms=failover_ms),
        )

    service = CommandService(daemons, ("redis-server", "redis-sentinel"), ("redis-server", "redis-sentinel"))
    return Redis(service, lock_ms)


async def _knows_all(cluster: Cluster, node: str) -> None:
    others = len(cluster.nodes) - 1
    for _ in range(round(READY_S_MAX / POLL_S)):
        try:
            async with asyncio.timeout(ASK_S_MAX):
                line = await Line.open(partial(cluster.dial, node, SENTINEL_PORT))
                try:
                    _, replicas, sentinels = await epoch(line)
                finally:
                    line.close()
                if (replicas, sentinels) == (others, others) and await _replicated(cluster, node):
                    return
        except (TimeoutError, Unanswered):
            pass
        await asyncio.sleep(POLL_S)
    raise TimeoutError


async def _replicated(cluster: Cluster, node: str) -> bool:
    """Whether the primary that the node's sentinel names serves, and has all others as its replicas."""
    line = await open_primary(cluster, await primary_of(cluster, node))
    try:
        reply = await line.call("ROLE")
    finally:
        line.close()
    return isinstance(reply, list) and isinstance(reply[-1], list) and len(reply[-1]) == len(cluster.nodes) - 1


async def _role(cluster: Cluster, node: str) -> str | None:
    """What a server says it is; None when it was not to be reached, or not answered in time."""
    try:
        async with asyncio.timeout(ASK_S_MAX):
            line = await Line.open(partial(cluster.dial, node, server_port(cluster.nodes, node)))
            try:
                return await role(line)
            finally:
                line.close()
    except (TimeoutError, Unanswered):
        return None


async def _latest(cluster: Cluster, node: str) -> tuple[int, str] | None:
    """The epoch of a sentinel's configuration and the primary in it; None when it did not answer in time."""
    try:
        async with asyncio.timeout(ASK_S_MAX):
            line = await Line.open(partial(cluster.dial, node, SENTINEL_PORT))
            try:
                latest, _, _ = await epoch(line)
            finally:
                line.close()
            return latest, await primary_of(cluster, node)
    except (TimeoutError, Unanswered):
        return None
