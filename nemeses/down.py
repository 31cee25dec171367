"""Who is kept down, and by which faults: a node comes back when no fault of any family wants it down any more.

Kills, power losses and corruption all end a service and start it again when they are healed, and they overlap. Each of
them knows only its own faults, so who wants whom down is kept here, per cluster. What was down already when a fault
came is nobody's: that fault neither took it down nor brings it back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from weakref import WeakKeyDictionary

from harness.clusters.base import Cluster, Processes
from harness.faults import Evidence, Status

_wanted: WeakKeyDictionary[Cluster, dict[str, list[str]]] = WeakKeyDictionary()


def want(cluster: Cluster, fault: str, nodes: Sequence[str]) -> None:
    """Notes, before the act, whom a fault is about to take down: what fails half way is healed in full."""
    _wanted.setdefault(cluster, {})[fault] = list(nodes)


def settle(cluster: Cluster, fault: str, evidence: Mapping[str, Evidence]) -> None:
    """Forgets, after the act, the nodes that it passed over."""
    wanted = _wanted.setdefault(cluster, {})
    nodes = wanted.get(fault, [])
    wanted[fault] = [node for node in nodes if node not in evidence or evidence[node].status is not Status.SKIPPED]


def held(cluster: Cluster, *, but: str = "") -> set[str]:
    """Every node that some fault wants down, apart from one fault."""
    return {node for fault, nodes in _wanted.get(cluster, {}).items() if fault != but for node in nodes}


async def release(cluster: Cluster, fault: str) -> dict[str, Evidence]:
    """Starts what a fault took down and no other holds. Unknown faults are fine."""
    mine = _wanted.get(cluster, {}).get(fault, [])
    others = held(cluster, but=fault)
    evidence = dict(await processes(cluster).start([node for node in mine if node not in others]))
    _wanted.get(cluster, {}).pop(fault, None)  # after the act: what could not be started is tried again
    why = "another fault still holds this node down"
    return evidence | {node: Evidence(Status.SKIPPED, why=why) for node in mine if node in others}


async def release_all(cluster: Cluster, family: str) -> None:
    """After a family's last heal: starts whatever is down and no fault of another family holds."""
    wanted = _wanted.get(cluster, {})
    for fault in [fault for fault in wanted if fault.rpartition("-")[0] == family]:
        del wanted[fault]
    await start_unheld(cluster, cluster.nodes)


async def start_unheld(cluster: Cluster, nodes: Collection[str]) -> Mapping[str, Evidence]:
    """Starts those of the nodes that no fault holds."""
    others = held(cluster)
    return await processes(cluster).start([node for node in nodes if node not in others])


def processes(cluster: Cluster) -> Processes:
    """The capability to end and start services."""
    assert cluster.processes is not None, "a run is refused before it starts on a cluster that cannot kill"
    return cluster.processes
