"""The machine's clocks."""

from __future__ import annotations

import time


class SystemClock:
    """Implements `harness.node.host.Clock` by the operating system's clocks, faults in them included."""

    def wall(self) -> int:
        return time.time_ns()

    def monotonic(self) -> int:
        return time.monotonic_ns()
