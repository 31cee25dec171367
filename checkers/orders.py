"""Orders that are taken in one place and counted in another: each that was taken is counted exactly once.

Operations, in a city by its key: `order` of an id, `read` returning the list of ids that the head office has
(`checkers.feed`).

    {process 0, ok, order, key 3, 7}     {process 1, ok, read, key 3, [7, 7]}    delivered twice
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from checkers.feed import NothingLost


class ExactlyOnce(NothingLost):
    """`exactly_once`: none lost, doubled or unwanted, as `checkers.feed` tells."""

    name: ClassVar[str] = "exactly_once"
    noun: ClassVar[str] = "order"
    add: ClassVar[str] = "order"
    figures: ClassVar[Mapping[str, str]] = {
        "acknowledged orders lost": "lost_order",
        "orders doubled": "doubled_order",
    }
    measures: ClassVar[Mapping[str, Sequence[str]]] = {"lost_writes": ("lost_order",)}
