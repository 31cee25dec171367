"""Chats: messages to conversations, and reads of them, by people who answer what they have read.

Every message is sent once in the whole run, so for each it can be told whether it was lost or doubled, and whether it
was ever shown without what its sender had seen (`checkers.chat`). A read moves a whole conversation: have more `keys`
for long runs.
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

FUNCTIONS = ("send", "read")


class Chat:
    """The workload: `send` of a message's id to a conversation, `read` of the list of its messages in order.

    `keys` is the number of conversations, `rate` that of operations per second over all workers; `mix` gives shares to
    `send` and `read`.
    """

    name: ClassVar[str] = "chat"
    model: ClassVar[str] = "causal_order"
    expectations: ClassVar[Sequence[str]] = ("no_lost_message", "causal_order", "availability", "recovers", "converges")

    def __init__(
        self, *, keys: int = 10, rate: float = 100, mix: Mapping[str, int] | None = None, concurrency: int = 10
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"send": 1, "read": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        return stagger(1 / self.rate, Drawn(self._draw))

    def _draw(self, random: Random, fresh: int) -> Operation:
        key = random.randrange(self.keys)
        if random.random() * sum(self.mix.values()) < self.mix["send"]:
            return Operation("send", key, fresh)
        return Operation("read", key)

    def final(self) -> Generator:
        """Every worker reads every conversation."""
        return final_reads(Operation("read", key) for key in range(self.keys))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Nothing."""
        return {}


ChatClient = FeedClient
"""The workload's client for bundled stores that take transactions."""
