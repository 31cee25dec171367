"""Timelines: posts, and reads by those who posted and by others.

Every post is made once in the whole run, so for each it can be told whether it was lost or doubled, whether who posted
it saw it at once, and whether it stands where it belongs (`checkers.timeline`). Everybody posts on every timeline: a
user has a phone and a laptop, and both are his. A read moves a whole timeline: have more `keys` for long runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from harness.generators import Generator, stagger
from harness.operation import Operation
from harness.options import integer, number, weights
from workloads.drawn import Drawn
from workloads.ending import final_reads
from workloads.feed import FeedClient
from workloads.register import KEYS_MAX, RATE_MAX

FUNCTIONS = ("post", "read")


class Timeline:
    """The workload: `post` of an id on a timeline, `read` of the list of its posts, the oldest first.

    `keys` is the number of timelines, `rate` that of operations per second over all workers; `mix` gives shares to
    `post` and `read`.
    """

    name: ClassVar[str] = "timeline"
    model: ClassVar[str] = "posts_in_order"
    expectations: ClassVar[Sequence[str]] = (
        "no_lost_post",
        "own_posts_seen",
        "posts_in_order",
        "availability",
        "recovers",
        "converges",
    )

    def __init__(
        self, *, keys: int = 10, rate: float = 100, mix: Mapping[str, int] | None = None, concurrency: int = 10
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"post": 1, "read": 2}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        key = random.randrange(self.keys)
        if random.random() * sum(self.mix.values()) < self.mix["post"]:
            return Operation("post", key, fresh)
        return Operation("read", key)

    def final(self) -> Generator:
        """Every worker reads every timeline."""
        return final_reads(Operation("read", key) for key in range(self.keys))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Nothing."""
        return {}


TimelineClient = FeedClient
"""The workload's client for bundled stores that take transactions."""
