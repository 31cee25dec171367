"""etcd as a target: its options, what it claims, when it is ready, and who leads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from harness.claims import Claim
from harness.clusters.base import Cluster
from harness.errors import NodeError, UnknownName, UsageError
from harness.options import duration, integer
from harness.target import Bug, CommandService, Daemon, Membership, Trial
from targets.etcd.asking import ask, leaders, statuses
from targets.etcd.clients import CLIENTS, EtcdClient
from targets.etcd.daemons import CLIENT_PORT, SNAPSHOT_COUNT, etcd_daemon
from targets.etcd.keys import get
from targets.etcd.membership import EtcdMembership

FAULTS = ("partition", "kill", "pause", "clock", "packet", "disk", "limits", "power", "membership")
"""What it claims to stand. Not `corruption`: that it survives flipped bits is no promise of etcd's."""

READY_S_MAX = 60.0
ANSWER_S_MAX = 5.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Etcd:
    """The target; made by `etcd`."""

    service: CommandService
    serializable: bool
    lease_s: int | None
    name: str = "etcd"
    workloads: Sequence[str] = tuple(CLIENTS)
    membership: Membership = field(default_factory=EtcdMembership)
    trials: Sequence[Trial] = ()
    bugs: Sequence[Bug] = ()

    @property
    def claims(self) -> Sequence[Claim]:
        """Linearizable and strictly serializable under everything; with the options that users choose against it, what
        is left of that."""
        lists = "serializable" if self.serializable else "strict-serializable"
        return (
            *(() if self.serializable else (_claim("register", "linearizable"),)),
            _claim("append", lists),
            _claim("set", {"set-full": {"linearizable": not self.serializable}}),
            *(() if self.lease_s else (_claim("lock", "linearizable"),)),
        )

    def client(self, workload: str, cluster: Cluster, node: str) -> EtcdClient:
        """The workload's client, on a connection to that node."""
        if workload not in CLIENTS:
            raise UnknownName(f"etcd has no client for workload {workload!r}: it has {', '.join(CLIENTS)}")
        dial = partial(cluster.dial, node, CLIENT_PORT)
        return CLIENTS[workload](dial, serializable=self.serializable, lease_s=self.lease_s)

    async def ready(self, cluster: Cluster) -> None:
        """Returns once every node has answered a linearizable read: it then knows a leader that has a majority."""
        try:
            async with asyncio.timeout(READY_S_MAX):
                await asyncio.gather(*(_answers(cluster, node) for node in cluster.nodes))
        except TimeoutError:
            raise NodeError(
                f"etcd did not become ready: not every node answered a read within {READY_S_MAX:g} s"
            ) from None

    async def primaries(self, cluster: Cluster) -> Sequence[str]:
        """The nodes that take themselves for the leader, in the latest term that any of those speaks of."""
        return leaders(await statuses(cluster))


def etcd(
    *,
    serializable: bool = False,
    lease: float | str | None = None,
    election_ms: int = 1000,
    heartbeat_ms: int = 100,
    snapshot_count: int = SNAPSHOT_COUNT,
) -> Etcd:
    """The target. With `serializable`, reads are those that a node answers by itself; `lease` is how long a lock lasts
    at most. The rest is etcd's own."""
    if not isinstance(serializable, bool):
        raise UsageError(f"etcd: serializable is true or false, not {serializable!r}")
    lease_s = None if lease is None else round(duration("etcd", "lease", lease, min_s=1, max_s=3600))
    election = integer("etcd", "election_ms", election_ms, min=50, max=50_000)
    heartbeat = integer("etcd", "heartbeat_ms", heartbeat_ms, min=10, max=10_000)
    snapshots = integer("etcd", "snapshot_count", snapshot_count, min=10, max=10_000_000)
    if election < 5 * heartbeat:
        raise UsageError(f"etcd: election_ms must be at least five times heartbeat_ms, not {election}")

    def daemons(node: str, addresses: Mapping[str, str], data: str) -> Sequence[Daemon]:
        return [
            etcd_daemon(node, addresses, data, election_ms=election, heartbeat_ms=heartbeat, snapshot_count=snapshots)
        ]

    return Etcd(CommandService(daemons, ("etcd-server",), ("etcd",)), serializable, lease_s)


def _claim(workload: str, expect: Any) -> Claim:
    return Claim.of(f"etcd-{workload}", expect, workload=workload, nemeses=FAULTS)


async def _answers(cluster: Cluster, node: str) -> None:
    for _ in range(round(READY_S_MAX / POLL_S)):
        if await ask(cluster, node, "/v3/kv/range", get("ready"), seconds=ANSWER_S_MAX) is not None:
            return
        await asyncio.sleep(POLL_S)
    raise TimeoutError
