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
        self.ppm = 0
        self._offset_ns = 0
        self._since_ns = 0
        self._loop = loop

    def set(self, offset_ns: int, ppm: int = 0) -> None:
        """This far from true time now, and from now on gaining so many millionths on it."""
        self._offset_ns, self.ppm, self._since_ns = offset_ns, ppm, self._loop.now_ns

    @property
    def offset_ns(self) -> int:
        """How far from true time it is now."""
        return self._offset_ns + (self._loop.now_ns - self._since_ns) * self.ppm // 1_000_000

    def wall(self) -> int:
        if self.ppm:
            return EPOCH_NS + self._loop.now_ns + self.offset_ns
        return EPOCH_NS + self._loop.now_ns + self._offset_ns

    def monotonic(self) -> int:
        return self._loop.now_ns


class SimClocks:
    """The clock capability over all nodes."""

    def __init__(self, clocks: Mapping[str, SimClock], loop: SimLoop) -> None:
        self._clocks = clocks
        self._loop = loop

    async def skew(self, node: str, offset_ms: float) -> Evidence:
        self._clock(node).set(round(offset_ms * MS_NS))
        return Evidence(Status.APPLIED, {"offset_ms": self._read_ms(node)})

    async def drift(self, node: str, ppm: int) -> Evidence:
        """See `harness.clusters.base.Clocks`; exact, to the nanosecond."""
        clock = self._clock(node)
        clock.set(clock.offset_ns, ppm)
        return Evidence(Status.APPLIED, {"offset_ms": self._read_ms(node), "ppm": clock.ppm})

    async def offsets(self) -> Mapping[str, float]:
        return {node: self._read_ms(node) for node in self._clocks}

    def _clock(self, node: str) -> SimClock:
        if node not in self._clocks:
            raise UsageError(f"there is no node {node!r} whose clock could be set; nodes are {', '.join(self._clocks)}")
        return self._clocks[node]

    def _read_ms(self, node: str) -> float:
        return (self._clocks[node].wall() - EPOCH_NS - self._loop.now_ns) / MS_NS
