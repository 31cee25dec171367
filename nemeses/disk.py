"""Bad disks: for a while, some nodes' data directories are full, read-only, slow, hang, or fail to sync.

A store does well to stop on the spot when its disk fails. So when the fault is healed, what died of it is started
again, unless another fault wants that node down.
"""

from __future__ import annotations

import errno
import random as _random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import options
from harness.clusters.base import IMPAIRMENTS, Cluster, Disks, Impairment
from harness.errors import UsageError
from harness.faults import Evidence, Fault, Injection, Status
from harness.toll import Toll
from nemeses import down
from nemeses.victims import Victims, resolve

TARGETS = ("one", "minority", "primaries")


class Disk:
    """`kinds`: which of `IMPAIRMENTS` to draw from. `targets`: whose disks, see `nemeses.victims`. `delay`: how much
    longer a sync takes on a slow disk. `error`: what a failing sync fails with, an errno's name."""

    family: ClassVar[str] = "disk"

    def __init__(
        self,
        *,
        interval: float | str = 10,
        kinds: Any = None,
        targets: Any = None,
        delay: float | str = 0.2,
        error: str = "EIO",
    ) -> None:
        own = self.family
        self.interval_s = options.interval(own, interval)
        self.victims = Victims.of(own, targets, TARGETS)
        self.kinds = options.choices(own, "kinds", list(IMPAIRMENTS) if kinds is None else kinds, IMPAIRMENTS)
        self.delay_ms = options.duration(own, "delay", delay, min_s=0.001, max_s=60) * 1000
        if error not in errno.errorcode.values():
            raise UsageError(f"{own}: error must be an errno's name such as EIO or ENOSPC, not {error!r}")
        self.error = error
        self.needs = frozenset({"kill", *(f"disk-{kind}" for kind in self.kinds)})
        self._hit: dict[str, list[str]] = {}

    def draw(self, random: _random.Random) -> Mapping[str, Any]:
        """`{"kind": ..., "targets": spec, "seed": n}`, with `delay_ms` or `error` where the kind has one."""
        kind = self.kinds[random.randrange(len(self.kinds))]
        amounts: dict[str, dict[str, Any]] = {"slow": {"delay_ms": self.delay_ms}, "error": {"error": self.error}}
        return {"kind": kind} | amounts.get(kind, {}) | self.victims.draw(random)

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        """A store may end when its disk fails, and would again if somebody started it; one that is slow goes on."""
        return Toll() if draw["kind"] == "slow" else Toll.holding(resolve(draw, nodes))

    async def setup(self, cluster: Cluster) -> None:
        """Raises `UsageError` for a node that is not there."""
        self.victims.check(cluster.nodes)

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        nodes = resolve(fault.draw, cluster.nodes)
        what = {name: fault.draw[name] for name in ("kind", "delay_ms", "error") if name in fault.draw}
        self._hit[fault.id] = nodes
        evidence = await _disks(cluster).impair(fault.id, nodes, Impairment(**what))
        self._hit[fault.id] = [
            node for node in nodes if node not in evidence or evidence[node].status is not Status.SKIPPED
        ]
        return Injection({"nodes": nodes, **what}, evidence)

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        evidence = dict(await _disks(cluster).repair(fault.id))
        started = await down.start_unheld(cluster, self._hit.get(fault.id, []))
        self._hit.pop(fault.id, None)  # after the act: what could not be started is tried again
        for node, start in started.items():
            if start.status is not Status.SKIPPED and (repaired := evidence.get(node)):
                measured = {**repaired.measured, "started_again": dict(start.measured)}
                worse = start if start.status is Status.INDETERMINATE else repaired
                evidence[node] = Evidence(worse.status, measured, worse.why)
        return evidence

    async def teardown(self, cluster: Cluster) -> None:
        """Starts whatever is still down."""
        self._hit.clear()
        await down.start_unheld(cluster, cluster.nodes)


def _disks(cluster: Cluster) -> Disks:
    assert cluster.disks is not None, "a run is refused before it starts on a cluster without such faults"
    return cluster.disks
