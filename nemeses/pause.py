"""Pauses: the service on some nodes stands still and knows nothing of it, as under a long garbage collection or a
migrating virtual machine.

A node that is down cannot be paused: it is `skipped`, and so is one that another pause holds already. A node killed
while it was paused comes back running; healing the pause then finds nothing to do there and says so.
"""

from __future__ import annotations

import random as _random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import options
from harness.clusters.base import Cluster, Processes
from harness.faults import Evidence, Fault, Injection, Status
from harness.toll import Toll
from nemeses import moments
from nemeses.victims import Victims, resolve

TARGETS = ("one", "minority", "primaries")


class Pause:
    """`targets`: whom to pause, see `nemeses.victims`; `when`: see `nemeses.moments`."""

    family: ClassVar[str] = "pause"
    needs: ClassVar[frozenset[str]] = frozenset({"pause"})

    def __init__(self, *, interval: float | str = 10, targets: Any = None, when: Any = "scheduled") -> None:
        self.interval_s = options.interval(self.family, interval)
        self.victims = Victims.of(self.family, targets, TARGETS)
        self.when = moments.part_of_draw(self.family, when)
        self._held: dict[str, list[str]] = {}

    def draw(self, random: _random.Random) -> Mapping[str, Any]:
        """`{"targets": spec, "seed": n}`, and `"when": "election"` where it waits for one."""
        return {**self.victims.draw(random), **self.when}

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        return Toll.holding(resolve(draw, nodes))

    async def setup(self, cluster: Cluster) -> None:
        """Raises `UsageError` for a node that is not there."""
        self.victims.check(cluster.nodes)

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        nodes = resolve(fault.draw, cluster.nodes)
        self._held[fault.id] = nodes  # before the act: a pause that fails half way is healed in full
        evidence = await _processes(cluster).pause(nodes)
        self._held[fault.id] = [
            node for node in nodes if node not in evidence or evidence[node].status is not Status.SKIPPED
        ]
        return Injection({"nodes": nodes}, evidence)

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        evidence = await _processes(cluster).resume(self._held.get(fault.id, []))
        self._held.pop(fault.id, None)
        return evidence

    async def teardown(self, cluster: Cluster) -> None:
        """Resumes whatever still stands."""
        self._held.clear()
        await _processes(cluster).resume(cluster.nodes)


def _processes(cluster: Cluster) -> Processes:
    assert cluster.processes is not None, "a run is refused before it starts on a cluster that cannot pause"
    return cluster.processes
