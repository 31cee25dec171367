"""Simulated clocks: each node's wall clock is true time plus an offset of its own; monotonic clocks are always true."""

from __future__ import annotations

from collections.abc import Mapping

from harness.clusters.sim.loop import SimLoop
from harness.errors import UsageError
from harness.faults import Evidence, Status

EPOCH_NS = 1_767_225_600 * 1_000_000_000
"""What a true wall clock shows when a simulation begins: 2026-01-01T00:00:00Z."""

MS_NS = 1_000_000


class SimClock:
    """One node's clocks. The offset belongs to the machine, so it outlives a kill."""

    def __init__(self, loop: SimLoop) -> None:
        self.offset_ns = 0
        self._loop = loop

    def wall(self) -> int:
        return EPOCH_NS + self._loop.now_ns + self.offset_ns

    def monotonic(self) -> int:
        return self._loop.now_ns


class SimClocks:
    """The clock capability over all nodes."""

    def __init__(self, clocks: Mapping[str, SimClock], loop: SimLoop) -> None:
        self._clocks = clocks
        self._loop = loop

    async def skew(self, node: str, offset_ms: float) -> Evidence:
        if node not in self._clocks:
            raise UsageError(f"there is no node {node!r} whose clock could be set; nodes are {', '.join(self._clocks)}")
        self._clocks[node].offset_ns = round(offset_ms * MS_NS)
        return Evidence(Status.APPLIED, {"offset_ms": self._read_ms(node)})

    async def offsets(self) -> Mapping[str, float]:
        return {node: self._read_ms(node) for node in self._clocks}

    def _read_ms(self, node: str) -> float:
        return (self._clocks[node].wall() - EPOCH_NS - self._loop.now_ns) / MS_NS
