"""When each packet may go: decided as it comes, as the simulator does it (`harness.clusters.sim.link`)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

MS_NS = 1_000_000

REORDER_NS_MAX = 20 * MS_NS
"""How far, at most, a reordered packet falls behind."""


PACKETS_MAX = 20_000
"""How many packets may wait; what comes then is dropped, as in a router. 100 ms at 200 thousand packets a second."""


@dataclass(slots=True)
class Schedule:
    """Packets that wait, by the time they may go (ns, monotonic). On each link they stay in order, also under jitter,
    unless one is chosen to fall behind. Counters only ever grow."""

    delay_ns: int = 0
    jitter_ns: int = 0
    duplicate: float = 0.0
    reorder: float = 0.0
    draw: random.Random = field(default_factory=random.Random)
    taken: int = 0
    duplicated: int = 0
    reordered: int = 0
    overflowed: int = 0
    _heap: list[tuple[int, int, bytes]] = field(default_factory=list)
    _entered: int = 0
    _latest: dict[bytes, int] = field(default_factory=dict)

    def reshape(self, shape: Mapping[str, float]) -> None:
        """What holds for packets from now on; fields as in `harness.clusters.base.Shape`, others are passed over."""
        self.delay_ns = round(shape.get("delay_ms", 0) * MS_NS)
        self.jitter_ns = round(shape.get("jitter_ms", 0) * MS_NS)
        self.duplicate = shape.get("duplicate", 0)
        self.reorder = shape.get("reorder", 0)

    def take(self, packet: bytes, link: bytes, now_ns: int) -> None:
        """A packet came for that link. A second copy of it, if there is to be one, takes its own time."""
        self.taken += 1
        self._enter(packet, link, now_ns)
        if self.duplicate and self.draw.random() < self.duplicate:
            self.duplicated += 1
            self._enter(packet, link, now_ns)

    def due(self, now_ns: int) -> list[bytes]:
        """The packets that may go by now, in this order. They wait no longer."""
        heap = self._heap
        found: list[bytes] = []
        while heap and heap[0][0] <= now_ns:
            found.append(heappop(heap)[2])
        return found

    def wait_s(self, now_ns: int) -> float | None:
        """How long until the next packet may go; None when none waits."""
        return max(0, self._heap[0][0] - now_ns) / 1e9 if self._heap else None

    def _enter(self, packet: bytes, link: bytes, now_ns: int) -> None:
        if len(self._heap) >= PACKETS_MAX:
            self.overflowed += 1
            return
        draw = self.draw.random
        due_ns = now_ns + self.delay_ns
        if self.jitter_ns:
            due_ns += round((2 * draw() - 1) * self.jitter_ns)
        if self.reorder and draw() < self.reorder:
            self.reordered += 1
            due_ns += round(draw() * REORDER_NS_MAX)
        else:
            self._latest[link] = due_ns = max(due_ns, self._latest.get(link, 0))
        self._entered += 1
        heappush(self._heap, (due_ns, self._entered, packet))
