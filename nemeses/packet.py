"""Bad networks: what some nodes send to others is delayed, lost, duplicated, reordered or slowed down.

Each fault does one of these things. The amounts are those Jepsen settled on, strong enough to be felt and weak enough
for a majority to go on; each is an option.
"""

from __future__ import annotations

import random as _random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from harness import options
from harness.clusters.base import PACKETS, Cluster, Network, Shape
from harness.errors import UsageError
from harness.faults import Evidence, Fault, Injection
from harness.toll import Toll
from harness.units import rate_kbit
from nemeses.victims import Victims, resolve

TARGETS = ("one", "minority", "majority", "primaries", "all")


class Packet:
    """`behaviours`: which of `PACKETS` to draw from. `targets`: whose sending is disturbed, see `nemeses.victims`.

    The amounts are called as tc netem calls them: `delay` and `jitter` are durations (jitter either way), `loss`,
    `duplicate` and `reorder` are chances (0.2 or `20%`), `rate` is what each link carries, such as `1mbit`.
    """

    family: ClassVar[str] = "packet"

    def __init__(
        self,
        *,
        interval: float | str = 10,
        behaviours: Any = None,
        targets: Any = None,
        delay: float | str = 0.05,
        jitter: float | str = 0.01,
        loss: float | str = 0.2,
        duplicate: float | str = 0.2,
        reorder: float | str = 0.2,
        rate: str = "1mbit",
    ) -> None:
        own = self.family
        self.interval_s = options.interval(own, interval)
        self.victims = Victims.of(own, targets, TARGETS)
        drawn = options.choices(own, "behaviours", list(PACKETS) if behaviours is None else behaviours, PACKETS)
        self.needs = frozenset(drawn)
        delay_ms = options.duration(own, "delay", delay, min_s=0.001, max_s=60) * 1000
        jitter_ms = options.duration(own, "jitter", jitter, min_s=0, max_s=60) * 1000
        shapes = {
            "delay": Shape(delay_ms=delay_ms, jitter_ms=jitter_ms),
            "loss": Shape(loss=options.chance(own, "loss", loss)),
            "duplicate": Shape(duplicate=options.chance(own, "duplicate", duplicate)),
            "reorder": Shape(reorder=options.chance(own, "reorder", reorder)),
            "rate": Shape(rate_kbit=_rate_kbit(rate)),
        }
        self.shapes = tuple(shapes[behaviour] for behaviour in drawn)

    def draw(self, random: _random.Random) -> Mapping[str, Any]:
        """`{"shape": the fields of a Shape that are not zero, "targets": spec, "seed": n}`."""
        shape = asdict(self.shapes[random.randrange(len(self.shapes))])
        return {"shape": {name: value for name, value in shape.items() if value}} | self.victims.draw(random)

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        """Nothing: such links still carry something."""
        return Toll()

    async def setup(self, cluster: Cluster) -> None:
        """Raises `UsageError` for a node that is not there."""
        self.victims.check(cluster.nodes)

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        nodes = resolve(fault.draw, cluster.nodes)
        evidence = await _network(cluster).shape(fault.id, nodes, Shape(**fault.draw["shape"])) if nodes else {}
        return Injection({"nodes": nodes, "shape": dict(fault.draw["shape"])}, evidence)

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        return await _network(cluster).mend(fault.id)

    async def teardown(self, cluster: Cluster) -> None:
        """Nothing: shapes are lifted one by one, and the cluster takes the rest down with itself."""


def _rate_kbit(raw: Any) -> float:
    try:
        kbit = rate_kbit(raw)
    except UsageError as problem:
        raise UsageError(f"packet: rate: {problem}") from None
    return options.number("packet", "rate in kbit", kbit, min=1, max=1e8)


def _network(cluster: Cluster) -> Network:
    assert cluster.network is not None, "a run is refused before it starts on a cluster that cannot shape links"
    return cluster.network
