"""Food delivery: each city takes orders where it is, and the head office counts them all, each once, sooner or later.

A guest does not wait for the head office. So what is asked of a store is that it takes an order wherever it is placed,
partition or not (`availability` of `order`), and that the head office has every order it took exactly once in the end
(`exactly_once`): none lost on the way, none counted twice because its delivery was tried again.

All that a store needs for this is transactions of one step: `["append", city, id]` takes an order, and `["r", city,
null]` asks for what the head office has of a city. It may refuse an order while its queue is full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from workloads.feed import Feeds


class Orders(Feeds):
    """The workload: `order` of an id in a city, `read` of the list of ids that the head office has of it. Options as
    for all feeds."""

    name: ClassVar[str] = "orders"
    add: ClassVar[str] = "order"
    model: ClassVar[str] = "exactly_once"
    asks_for: ClassVar[Mapping[str, str]] = {"order": "orders"}
    expectations: ClassVar[Sequence[str]] = ("exactly_once", "availability", "recovers", "converges", "catches_up")
