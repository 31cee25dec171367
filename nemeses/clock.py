"""Wrong clocks: the wall clocks of some nodes jump. Monotonic clocks are left alone.

- `bump`: each clock is off by an amount of its own, forwards or backwards, until the fault is healed.
- `strobe`: each clock flips between true and off, again and again: time goes backwards many times a second.
- `drift`: each clock runs at a rate of its own, fast or slow, from where it stands until the fault is healed.
- `reset`: each clock jumps off and is set right again at once, as by a daemon that keeps time.

How far: `max` (a drift's rate: `drift`) halved up to ten times, so that small errors, which slip through plausibility
checks, come as often as gross ones (and binary halving is exact on every machine). Healing sets the clocks right.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from harness import options
from harness.clusters.base import Clocks, Cluster
from harness.faults import Evidence, Fault, Injection, Status
from harness.toll import Toll
from nemeses.victims import Victims, resolve

KINDS = ("bump", "strobe", "reset", "drift")
TARGETS = ("one", "minority", "majority", "primaries", "all")
HALVINGS_MAX = 10
PERIODS_MS = (10, 20, 50, 100, 200, 500)
"""How long a strobing clock stays where it is."""


@dataclass(slots=True)
class _Strobe:
    task: asyncio.Task[None]
    flips: dict[str, int] = field(default_factory=dict)


class Clock:
    """`max`: the largest offset either way. `drift`: by how much the fastest clock is too fast and the slowest too
    slow, as a part of one. `kinds`: which of `KINDS`. `targets`: whose clocks, see `nemeses.victims`."""

    family: ClassVar[str] = "clock"
    needs: ClassVar[frozenset[str]] = frozenset({"clock"})

    def __init__(
        self,
        *,
        interval: float | str = 10,
        max: float | str = 60,
        drift: float = 0.1,
        kinds: Any = None,
        targets: Any = None,
    ) -> None:
        self.interval_s = options.interval(self.family, interval)
        self.max_ms = options.duration(self.family, "max", max, min_s=0.001, max_s=10 * 365 * 86_400) * 1000
        self.max_ppm = round(options.number(self.family, "drift", drift, min=0.001, max=0.9) * 1_000_000)
        self.kinds = options.choices(self.family, "kinds", list(KINDS) if kinds is None else kinds, KINDS)
        self.victims = Victims.of(self.family, targets, TARGETS)
        self._hit: dict[str, list[str]] = {}
        self._strobes: dict[str, _Strobe] = {}
        self._drifts: set[str] = set()

    def draw(self, random: _random.Random) -> Mapping[str, Any]:
        """`{"kind", "max_ms" or "max_ppm", "targets", "seed"}`; offsets, rates and the period of a strobe come from the
        seed too."""
        kind = self.kinds[random.randrange(len(self.kinds))]
        most = {"max_ppm": self.max_ppm} if kind == "drift" else {"max_ms": self.max_ms}
        return {"kind": kind} | most | self.victims.draw(random)

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        """Nothing: who has a wrong clock still serves."""
        return Toll()

    async def setup(self, cluster: Cluster) -> None:
        """Raises `UsageError` for a node that is not there."""
        self.victims.check(cluster.nodes)

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        clocks, draw = _clocks(cluster), fault.draw
        nodes = resolve(draw, cluster.nodes)
        random = _random.Random(draw["seed"] + 1)
        self._hit[fault.id] = nodes
        if draw["kind"] == "drift":
            rates = {node: round(_part(random, draw["max_ppm"])) for node in nodes}
            drifting = {node: await clocks.drift(node, ppm) for node, ppm in rates.items()}
            self._drifts.add(fault.id)
            return Injection({"nodes": nodes, "ppm": rates}, drifting)
        offsets = {node: _part(random, draw["max_ms"]) for node in nodes}
        resolved: dict[str, Any] = {"nodes": nodes, "offsets_ms": offsets}
        evidence = {node: await clocks.skew(node, offset) for node, offset in offsets.items()}
        if draw["kind"] == "reset":
            back = {node: await clocks.skew(node, 0.0) for node in nodes}
            evidence = {node: _both(evidence[node], back[node]) for node in nodes}
        elif draw["kind"] == "strobe":
            resolved["period_ms"] = PERIODS_MS[random.randrange(len(PERIODS_MS))]
            self._strobe(fault.id, clocks, offsets, resolved["period_ms"] / 1000)
        return Injection(resolved, evidence)

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        clocks = _clocks(cluster)
        strobe = self._strobes.get(fault.id)
        trouble = await _end(strobe) if strobe else ""
        read = await clocks.offsets() if fault.id in self._drifts else {}
        others = [node for id, nodes in self._hit.items() if id != fault.id for node in nodes]
        evidence = {node: await clocks.skew(node, 0.0) for node in self._hit.get(fault.id, []) if node not in others}
        self._hit.pop(fault.id, None)
        self._strobes.pop(fault.id, None)
        self._drifts.discard(fault.id)
        if strobe is None:
            return {node: _drifted(one, read[node]) if node in read else one for node, one in evidence.items()}
        return {node: _strobed(one, strobe.flips.get(node, 0), trouble) for node, one in evidence.items()}

    async def teardown(self, cluster: Cluster) -> None:
        """Ends all strobes and sets every clock right."""
        for strobe in self._strobes.values():
            await _end(strobe)
        self._strobes.clear()
        self._hit.clear()
        for node, offset_ms in (await _clocks(cluster).offsets()).items():
            if offset_ms:
                await _clocks(cluster).skew(node, 0.0)

    def _strobe(self, id: str, clocks: Clocks, offsets: Mapping[str, float], period_s: float) -> None:
        flips = dict.fromkeys(offsets, 1)

        async def flip() -> None:
            off = True
            while True:
                await asyncio.sleep(period_s)
                off = not off
                for node, offset in offsets.items():
                    await clocks.skew(node, offset if off else 0.0)
                    flips[node] += 1

        self._strobes[id] = _Strobe(asyncio.create_task(flip(), name=id), flips)


async def _end(strobe: _Strobe) -> str:
    """Stops flipping; returns what had stopped it before, if anything had."""
    strobe.task.cancel()
    [outcome] = await asyncio.gather(strobe.task, return_exceptions=True)
    return "" if isinstance(outcome, asyncio.CancelledError) else f"strobing had ended: {outcome}"


def _part(random: _random.Random, most: float) -> float:
    return (most if random.getrandbits(1) else -most) / (1 << random.randrange(HALVINGS_MAX + 1))


def _both(off: Evidence, back: Evidence) -> Evidence:
    """A jump and its correction as one piece of evidence: applied if both were."""
    status = back.status if off.status is Status.APPLIED else off.status
    measured = {**off.measured, **{f"reset_{name}": value for name, value in back.measured.items()}}
    return Evidence(status, measured, off.why or back.why)


def _strobed(one: Evidence, flips: int, trouble: str) -> Evidence:
    return Evidence(one.status, {**one.measured, "flips": flips}, trouble or one.why)


def _drifted(one: Evidence, offset_ms: float) -> Evidence:
    return Evidence(one.status, {**one.measured, "drifted_to_ms": offset_ms}, one.why)


def _clocks(cluster: Cluster) -> Clocks:
    assert cluster.clocks is not None, "a run is refused before it starts on a cluster that cannot set clocks"
    return cluster.clocks
