"""A link: one direction between two nodes, and everything that can happen to a message on it.

A message is what TCP would carry: a link keeps its messages in order, as a connection does, unless a shape reorders
them. A lost message is lost for good, as when the connection that held it was given up; there are no retransmissions to
slow others down.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from heapq import heappush
from typing import Any

from harness.clusters.base import Shape, combine
from harness.clusters.sim.bodies import copy_body
from harness.clusters.sim.loop import SimLoop

MS_NS = 1_000_000

FRAME_BYTES = 66
"""What Ethernet, IPv4 and TCP with timestamps add to a message; counts only on links with a rate."""

QUEUE_BYTES_MAX = 131_072
"""What waits before a link with a rate; the rest is dropped, as in a router."""

REORDER_NS_MAX = 20 * MS_NS
"""How far, at most, a reordered message falls behind."""

CHANCE_BITS = 32

Deliver = Callable[[str, dict[str, Any]], None]


class Link:
    """Carries messages from `source` to `dest`, where `deliver(source, body)` takes them. Counters only ever grow.

    `latency_ns` is the range of the undisturbed delay, drawn uniformly per message from `stream`.
    """

    __slots__ = (
        "_chance",
        "_copy",
        "_deliver",
        "_draw",
        "_free_ns",
        "_last_ns",
        "_loop",
        "_max_ns",
        "_min_ns",
        "_shaped",
        "_span_ns",
        "cuts",
        "dest",
        "dropped",
        "duplicated",
        "lost",
        "reordered",
        "sent",
        "shape",
        "source",
    )

    def __init__(
        self,
        loop: SimLoop,
        source: str,
        dest: str,
        deliver: Deliver,
        *,
        latency_ns: tuple[int, int],
        stream: random.Random,
    ) -> None:
        self.source = source
        self.dest = dest
        self.cuts = 0
        self.shape = Shape()
        self.sent = self.dropped = self.lost = self.duplicated = self.reordered = 0
        self._loop = loop
        self._deliver = deliver
        self._copy = copy_body
        self._draw = stream.getrandbits
        self._min_ns, self._max_ns = latency_ns
        self._span_ns = self._max_ns - self._min_ns
        self._last_ns = self._free_ns = 0
        self._shaped = False
        self._chance = {"loss": 0, "duplicate": 0, "reorder": 0}

    def send(self, body: dict[str, Any]) -> None:
        """Takes a message; the body stays the caller's."""
        self.sent += 1
        if self.cuts:
            self.dropped += 1
            return
        if self._shaped:
            self._send_shaped(body)
            return
        loop = self._loop
        when_ns = loop.now_ns + self._min_ns + (self._span_ns * self._draw(16) >> 16)
        if when_ns < self._last_ns:
            when_ns = self._last_ns
        self._last_ns = when_ns
        heappush(loop.heap, (when_ns, loop.sequence(), self._arrive, (self._copy(body),)))

    def reshape(self, shapes: Iterable[Shape]) -> None:
        """Puts the union of these shapes in force for what is sent from now on."""
        self.shape = shape = combine(shapes)
        self._shaped = shape != Shape()
        self._chance = {name: round(getattr(shape, name) * (1 << CHANCE_BITS)) for name in self._chance}

    def counters(self) -> dict[str, int]:
        """What happened on this link since it exists, by the name evidence uses."""
        return {
            "dropped_packets": self.dropped,
            "lost_packets": self.lost,
            "duplicated_packets": self.duplicated,
            "reordered_packets": self.reordered,
            "sent_packets": self.sent,
        }

    def _arrive(self, body: dict[str, Any]) -> None:
        if self.cuts:
            self.dropped += 1
        else:
            self._deliver(self.source, body)

    def _send_shaped(self, body: dict[str, Any]) -> None:
        if self._happens("loss"):
            self.lost += 1
            return
        copies = 1
        if self._happens("duplicate"):
            self.duplicated += 1
            copies = 2
        for _ in range(copies):
            self._transmit(self._copy(body))

    def _transmit(self, body: dict[str, Any]) -> None:
        departs_ns = self._serialise(body) if self.shape.rate_kbit else self._loop.now_ns
        if departs_ns is None:
            self.lost += 1
            return
        jitter_ns = round(self.shape.jitter_ms * MS_NS)
        delay_ns = round(self.shape.delay_ms * MS_NS) + self._between(-jitter_ns, jitter_ns)
        when_ns = departs_ns + max(0, delay_ns) + self._between(self._min_ns, self._max_ns)
        if self._happens("reorder"):
            self.reordered += 1
            when_ns += self._between(0, REORDER_NS_MAX)
        else:
            self._last_ns = when_ns = max(when_ns, self._last_ns)
        self._loop.post(when_ns, self._arrive, body)

    def _serialise(self, body: dict[str, Any]) -> int | None:
        """When the last bit has left, or None when the queue before the link is full."""
        now_ns, rate_kbit = self._loop.now_ns, self.shape.rate_kbit
        size = FRAME_BYTES + len(json.dumps(body, separators=(",", ":")))
        starts_ns = max(now_ns, self._free_ns)
        if (starts_ns - now_ns) * rate_kbit / (8 * MS_NS) + size > QUEUE_BYTES_MAX:
            return None
        self._free_ns = starts_ns + round(size * 8 * MS_NS / rate_kbit)
        return self._free_ns

    def _happens(self, what: str) -> bool:
        chance = self._chance[what]
        return chance > 0 and self._draw(CHANCE_BITS) < chance

    def _between(self, low: int, high: int) -> int:
        return low + ((high - low) * self._draw(32) >> 32)
