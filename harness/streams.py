"""Named streams of random numbers, all split from the run's one seed.

Each part of a run draws from a stream of its own (`ops`, `faults`, `net`, one per node), so that one more draw in one
part does not shift the choices of all others, and a run repeats exactly from its seed. Only operations whose results
are the same on every machine are used on these streams: integers and comparisons, never `exp`, `log` or `gauss`, whose
last bits differ between C libraries.
"""

from __future__ import annotations

import hashlib
import random


class Streams:
    """The streams of one seed. `stream(name)` always gives the same, fresh stream for a name."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def stream(self, name: str) -> random.Random:
        """A generator seeded by SHA-256 of the run's seed and the name: independent of every other name."""
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        return random.Random(int.from_bytes(digest, "big"))
