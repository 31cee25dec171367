"""Power losses: some nodes lose power, and with it everything that their service had not made durable.

What a store acknowledged and did not sync is gone when the power comes back, at the end of the fault. By default no
more than a minority loses power at once; a whole rack or data centre going dark is `targets: all`, which finds stores
that rely on copies in other nodes' memory.
"""

from __future__ import annotations

import random as _random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import options
from harness.clusters.base import Cluster
from harness.faults import Evidence, Fault, Injection
from harness.toll import Toll
from nemeses import down
from nemeses.victims import Victims, resolve

TARGETS = ("one", "minority", "primaries")


class Power:
    """`targets`: who loses power, see `nemeses.victims`."""

    family: ClassVar[str] = "power"
    needs: ClassVar[frozenset[str]] = frozenset({"power-loss"})

    def __init__(self, *, interval: float | str = 10, targets: Any = None) -> None:
        self.interval_s = options.interval(self.family, interval)
        self.victims = Victims.of(self.family, targets, TARGETS)

    def draw(self, random: _random.Random) -> Mapping[str, Any]:
        """`{"targets": spec, "seed": n}`."""
        return self.victims.draw(random)

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        return Toll.holding(resolve(draw, nodes))

    async def setup(self, cluster: Cluster) -> None:
        """Raises `UsageError` for a node that is not there."""
        self.victims.check(cluster.nodes)

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        assert cluster.disks is not None, "a run is refused before it starts on a cluster that cannot lose power"
        nodes = resolve(fault.draw, cluster.nodes)
        down.want(cluster, fault.id, nodes)
        evidence = await cluster.disks.lose_power(nodes)
        down.settle(cluster, fault.id, evidence)
        return Injection({"nodes": nodes}, evidence)

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        return await down.release(cluster, fault.id)

    async def teardown(self, cluster: Cluster) -> None:
        """Brings back whatever is still down."""
        await down.release_all(cluster, self.family)
