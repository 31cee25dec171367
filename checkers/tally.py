"""Counts and latencies of client operations: the sums that availability and the statistics are made of."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Count:
    """How many operations, and how many of them the service answered."""

    ops: int = 0
    ok: int = 0

    def add(self, other: Count) -> None:
        """Counts the other's operations too."""
        self.ops += other.ops
        self.ok += other.ok

    @property
    def share(self) -> float | None:
        """The part that was answered, 0 to 1; None of no operations."""
        return self.ok / self.ops if self.ops else None

    def to_json(self) -> dict[str, Any]:
        """`ops, ok, share`."""
        return {"ops": self.ops, "ok": self.ok, "share": None if self.share is None else round(self.share, 6)}


@dataclass(slots=True)
class Tally:
    """A count, and the latency of each answered operation in ns."""

    count: Count = field(default_factory=Count)
    latencies_ns: array[int] = field(default_factory=lambda: array("q"))

    def add(self, other: Tally) -> None:
        """Takes in the other's operations too."""
        self.count.add(other.count)
        self.latencies_ns.extend(other.latencies_ns)

    def to_json(self) -> dict[str, Any]:
        """`ops, ok, share, latency_p50_ms, latency_p99_ms`; what cannot be told is null."""
        p50, p99 = quantiles_ms(self.latencies_ns, (0.5, 0.99))
        return self.count.to_json() | {"latency_p50_ms": p50, "latency_p99_ms": p99}


def quantiles_ms(latencies_ns: Sequence[int], shares: Sequence[float]) -> list[float | None]:
    """Quantiles by nearest rank (always a latency that was really seen), in milliseconds; None of nothing."""
    ranked = sorted(latencies_ns)
    if not ranked:
        return [None] * len(shares)
    return [round(ranked[max(0, math.ceil(share * len(ranked)) - 1)] / 1e6, 3) for share in shares]
