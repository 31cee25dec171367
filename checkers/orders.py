"""Orders that are taken in one place and counted in another: each that was taken is counted exactly once.

Operations, in a city by its key: `order` of an id, `read` returning the list of ids that the head office has
(`checkers.feed`).

    {process 0, ok, order, key 3, 7}     {process 1, ok, read, key 3, [7, 7]}    delivered twice
"""

from __future__ import annotations

from checkers.feed import NothingLost


def exactly_once() -> NothingLost:
    """`exactly_once`: none lost, doubled or unwanted, as `checkers.feed` tells."""
    return NothingLost("exactly_once", "order", "order")
