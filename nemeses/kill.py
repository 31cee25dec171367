"""Kills: the service on some nodes ends without a last word, and comes back when the fault is healed.

Kills overlap: a node stays dead until no kill wants it dead any more, and only what a kill ended itself is started
again for it. A node that was down already is `skipped` and stays as it is.
"""

from __future__ import annotations

import random as _random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import options
from harness.clusters.base import Cluster, Processes
from harness.faults import Evidence, Fault, Injection, Status
from harness.toll import Toll
from nemeses.victims import Victims, resolve

TARGETS = ("one", "minority", "primaries")
"""The default leaves a majority standing: a run long enough for one kill then still has answers to judge."""


class Kill:
    """`targets`: whom to kill, see `nemeses.victims`."""

    family: ClassVar[str] = "kill"
    needs: ClassVar[frozenset[str]] = frozenset({"kill"})

    def __init__(self, *, interval: float | str = 10, targets: Any = None) -> None:
        self.interval_s = options.interval(self.family, interval)
        self.victims = Victims.of(self.family, targets, TARGETS)
        self._wanted_dead: dict[str, list[str]] = {}

    def draw(self, random: _random.Random) -> Mapping[str, Any]:
        """`{"targets": spec, "seed": n}`."""
        return self.victims.draw(random)

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        return Toll.holding(resolve(draw, nodes))

    async def setup(self, cluster: Cluster) -> None:
        """Raises `UsageError` for a node that is not there."""
        self.victims.check(cluster.nodes)

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        nodes = resolve(fault.draw, cluster.nodes)
        self._wanted_dead[fault.id] = nodes  # before the act: a kill that fails half way is healed in full
        evidence = await _processes(cluster).kill(nodes)
        self._wanted_dead[fault.id] = [
            node for node in nodes if node not in evidence or evidence[node].status is not Status.SKIPPED
        ]
        return Injection({"nodes": nodes}, evidence)

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        mine = self._wanted_dead.get(fault.id, [])
        others = {node for id, nodes in self._wanted_dead.items() if id != fault.id for node in nodes}
        evidence = dict(await _processes(cluster).start([node for node in mine if node not in others]))
        self._wanted_dead.pop(fault.id, None)  # after the act: what could not be started is tried again
        why = "another kill still holds this node down"
        return evidence | {node: Evidence(Status.SKIPPED, why=why) for node in mine if node in others}

    async def teardown(self, cluster: Cluster) -> None:
        """Starts whatever is still down."""
        self._wanted_dead.clear()
        await _processes(cluster).start(cluster.nodes)


def _processes(cluster: Cluster) -> Processes:
    assert cluster.processes is not None, "a run is refused before it starts on a cluster that cannot kill"
    return cluster.processes
