"""Scarcity: the service on some nodes gets less memory, or less of a processor, than it is used to.

Beyond its memory the kernel kills, as it does in a container that is too small; healing starts again what the kernel
has killed. A node short of processor time is the slow one that is not dead: it answers, late, and its timers fire late.
"""

from __future__ import annotations

import random as _random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import options
from harness.clusters.base import Cluster, Limits
from harness.errors import UsageError
from harness.faults import Evidence, Fault, Injection, Status
from harness.toll import Toll
from harness.units import size_bytes
from nemeses import down
from nemeses.victims import Victims, resolve

KINDS = ("memory", "cpu")
TARGETS = ("one", "minority", "majority", "primaries", "all")
MEMORY_MIN = 1 << 20


class Limit:
    """`kinds`: which of `KINDS`. `memory`: one or several sizes such as `64MB`; `cpus`: one or several numbers of
    processors, 0.1 being a tenth of one. `targets`: whom, see `nemeses.victims`.

    What is scarce depends on the service and its load, so a limit that nobody came up against counts as undecided: say
    a lower one then. Much less than a twentieth of a processor, and real stores are not up in the time they have."""

    family: ClassVar[str] = "limits"

    def __init__(
        self,
        *,
        interval: float | str = 10,
        kinds: Any = None,
        memory: Any = ("32MB", "64MB"),
        cpus: Any = (0.05, 0.1),
        targets: Any = None,
    ) -> None:
        own = self.family
        self.interval_s = options.interval(own, interval)
        self.kinds = options.choices(own, "kinds", list(KINDS) if kinds is None else kinds, KINDS)
        self.needs = frozenset(self.kinds)
        self.memory = tuple(_size(one) for one in _several("memory", memory))
        self.cpus = tuple(options.number(own, "cpus", one, min=0.01, max=1024) for one in _several("cpus", cpus))
        self.victims = Victims.of(own, targets, TARGETS)

    def draw(self, random: _random.Random) -> Mapping[str, Any]:
        """`{"kind", "memory_bytes" or "cpus", "targets", "seed"}`."""
        kind = self.kinds[random.randrange(len(self.kinds))]
        amounts: Sequence[float] = self.memory if kind == "memory" else self.cpus
        amount = amounts[random.randrange(len(amounts))]
        return {"kind": kind, _AMOUNT[kind]: amount} | self.victims.draw(random)

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        """Who is short of memory may be killed; who is killed may be started again by anybody."""
        return Toll(down=frozenset(resolve(draw, nodes))) if draw["kind"] == "memory" else Toll()

    async def setup(self, cluster: Cluster) -> None:
        """Raises `UsageError` for a node that is not there."""
        self.victims.check(cluster.nodes)

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        draw, nodes = fault.draw, resolve(fault.draw, cluster.nodes)
        name = _AMOUNT[draw["kind"]]
        evidence = await _limits(cluster).limit(fault.id, nodes, **{name: draw[name]})
        return Injection({"nodes": nodes, name: draw[name]}, evidence)

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        evidence = dict(await _limits(cluster).lift(fault.id))
        killed = [node for node, one in evidence.items() if one.measured.get("oom_kills")]
        if killed and cluster.processes is not None:
            for node, started in (await down.start_unheld(cluster, killed)).items():
                evidence[node] = _with_start(evidence[node], started)
        return evidence

    async def teardown(self, cluster: Cluster) -> None:
        """Nothing: limits are lifted one by one, and the cluster takes the rest down with itself."""


_AMOUNT = {"memory": "memory_bytes", "cpu": "cpus"}


def _with_start(lifted: Evidence, started: Evidence) -> Evidence:
    """The kernel killed something: whether the service had to be started again, or only a part of it had died."""
    if started.status is Status.SKIPPED:
        return lifted
    status = lifted.status if started.status is Status.APPLIED else started.status
    return Evidence(status, {**lifted.measured, "started": dict(started.measured)}, lifted.why or started.why)


def _several(name: str, raw: Any) -> Sequence[Any]:
    several = raw if isinstance(raw, list | tuple) else [raw]
    if not several:
        raise UsageError(f"limits: {name} must be one or several amounts, not {raw!r}")
    return several


def _size(raw: Any) -> int:
    try:
        size = size_bytes(raw)
    except UsageError as problem:
        raise UsageError(f"limits: memory: {problem}") from None
    if size < MEMORY_MIN:
        raise UsageError(f"limits: memory must be at least {MEMORY_MIN:,} bytes, not {raw!r}")
    return size


def _limits(cluster: Cluster) -> Limits:
    assert cluster.limits is not None, "a run is refused before it starts on a cluster without limits"
    return cluster.limits
