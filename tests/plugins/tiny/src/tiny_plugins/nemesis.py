"""The nemesis: sets one node's clock a second ahead, and back."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from harness.clusters.base import Cluster
from harness.faults import Evidence, Fault, Injection
from harness.toll import Toll


class ClockHop:
    """Written against the cluster's `clocks` capability alone, so it works wherever there is one."""

    family = "tiny-clock"
    needs = frozenset({"clock"})

    def __init__(self, *, interval: float = 2.0) -> None:
        self.interval_s = interval

    def draw(self, random: Random) -> Mapping[str, Any]:
        return {"place": random.randrange(100)}

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        """Nothing: a node with a wrong clock still serves."""
        return Toll()

    async def setup(self, cluster: Cluster) -> None:
        """Nothing to prepare."""

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        node = self._node(cluster, fault)
        assert cluster.clocks is not None
        return Injection({"nodes": [node]}, {node: await cluster.clocks.skew(node, 1000)})

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        node = self._node(cluster, fault)
        assert cluster.clocks is not None
        return {node: await cluster.clocks.skew(node, 0)}

    async def teardown(self, cluster: Cluster) -> None:
        assert cluster.clocks is not None
        for node in cluster.nodes:
            await cluster.clocks.skew(node, 0)

    def _node(self, cluster: Cluster, fault: Fault) -> str:
        return cluster.nodes[fault.draw["place"] % len(cluster.nodes)]
