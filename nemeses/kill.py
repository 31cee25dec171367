"""Kills: the service on some nodes ends without a last word, and comes back when the fault is healed.

Kills overlap, with one another and with other faults that end a service: a node stays down until no fault wants it
down any more (`nemeses.down`), and only what a kill ended itself is started again for it. A node that was down already
is `skipped` and stays as it is.
"""

from __future__ import annotations

import random as _random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import options
from harness.clusters.base import Cluster
from harness.faults import Evidence, Fault, Injection
from harness.toll import Toll
from nemeses import down, moments
from nemeses.victims import Victims, resolve

TARGETS = ("one", "minority", "primaries")
"""The default leaves a majority standing: a run long enough for one kill then still has answers to judge."""


class Kill:
    """`targets`: whom to kill, see `nemeses.victims`; `when`: see `nemeses.moments`."""

    family: ClassVar[str] = "kill"
    needs: ClassVar[frozenset[str]] = frozenset({"kill"})

    def __init__(self, *, interval: float | str = 10, targets: Any = None, when: Any = "scheduled") -> None:
        self.interval_s = options.interval(self.family, interval)
        self.victims = Victims.of(self.family, targets, TARGETS)
        self.when = moments.part_of_draw(self.family, when)

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
        down.want(cluster, fault.id, nodes)
        evidence = await down.processes(cluster).kill(nodes)
        down.settle(cluster, fault.id, evidence)
        return Injection({"nodes": nodes}, evidence)

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        return await down.release(cluster, fault.id)

    async def teardown(self, cluster: Cluster) -> None:
        """Starts whatever is still down."""
        await down.release_all(cluster, self.family)
