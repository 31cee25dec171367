"""What a controller that is root on the engine's machine does to its containers: by itself, from outside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.clusters.docker.launch import DATA
from harness.clusters.docker.node import DockerNode, Placement
from harness.clusters.linux import cgroups, nft
from harness.clusters.linux.cgroups import Group
from harness.clusters.linux.clocks import PatchedClocks
from harness.clusters.linux.disks.capability import Disks
from harness.clusters.linux.disks.volume import Volume
from harness.clusters.linux.files import DataFiles
from harness.clusters.linux.host_network import HostNetwork
from harness.clusters.linux.limits import CgroupLimits
from harness.clusters.linux.network import BridgeNetwork
from harness.clusters.linux.node import ServiceNode
from harness.clusters.linux.services import Services
from harness.errors import ClusterError

if TYPE_CHECKING:
    from docker import APIClient


class Hands:
    """`members` may be filled after this is made; `closing` says whether the cluster is being removed."""

    def __init__(
        self, members: Mapping[str, DockerNode], nodes: Sequence[str], table: nft.Table, closing: Callable[[], bool]
    ) -> None:
        locks = {node: asyncio.Lock() for node in nodes}
        self._table = table
        self._images: Path | None = None
        self._volumes: dict[str, Volume] = {}
        self._inside = HostNetwork(members, table.name, table.owner)
        self.network: BridgeNetwork | HostNetwork = self._inside
        """At the bridge where the kernel can filter there, else inside the nodes."""
        self.limits = CgroupLimits(members, locks, _group_of)
        self.clocks = PatchedClocks(members, locks)
        self.processes = Services(members, locks, self.clocks, closing)
        self.files = DataFiles(members)
        self.disks = Disks(members, locks, self.processes, self._volumes)

    def give_volumes(self, images: Path) -> None:
        """From now on, every container that is taken gets a file system of its own, in a file below that directory."""
        self._images = images

    def prepare(self, client: APIClient, placement: Placement, stop: threading.Event) -> None:
        """Before the first container is made: puts a packet filter at the bridge, if the kernel can filter there."""
        if nft.problem(self._table.family) is None:
            self.network = BridgeNetwork(self._table, self._inside)
            self.network.open(placement.addresses)

    def take(self, client: APIClient, node: DockerNode, placement: Placement) -> None:
        """Gets hold of a container that was started, and gives it a file system of its own if one is wanted. Raises
        `ClusterError`."""
        node.settle()
        if self._images is not None:
            made = Volume(node.name, node.data, DATA, node.init, self._images / f"{node.name}.ext4")
            self._volumes[node.name] = made
            made.make()

    async def begin(self, orders: Mapping[str, Mapping[str, Any]]) -> None:
        """Once all containers run."""

    def close(self) -> None:
        """Lets go. Idempotent."""
        self.disks.close()
        self.clocks.close()
        self._inside.close()


def _group_of(node: ServiceNode) -> Group:
    """A container has a control group of its own, in which its services are born, and which goes with it."""
    assert isinstance(node, DockerNode), "a docker cluster's nodes are containers"
    try:
        return cgroups.of(min(node.keepers))
    except (ValueError, ProcessLookupError) as gone:
        raise ClusterError(f"the container of {node.name} is not there") from gone
