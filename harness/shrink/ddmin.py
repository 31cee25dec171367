"""Delta debugging: which of many are needed.

Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2), 2002.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def fewest(items: Sequence[T], needed: Callable[[Sequence[T]], bool]) -> list[T]:
    """Items that are `needed` together, of which none can be left out alone (ddmin). `needed` is not asked of all
    items: they are."""
    kept, parts = list(items), 2
    if needed([]):
        return []
    while len(kept) > 1:
        size = -(-len(kept) // parts)
        cut = [kept[at : at + size] for at in range(0, len(kept), size)]
        rests = [[one for other in cut if other is not part for one in other] for part in cut]
        if (smaller := next(filter(needed, cut), None)) is not None:
            kept, parts = list(smaller), 2
        elif len(cut) > 2 and (smaller := next(filter(needed, rests), None)) is not None:
            kept, parts = list(smaller), len(cut) - 1
        elif size == 1:
            return kept
        else:
            parts = min(2 * parts, len(kept))
    return kept
