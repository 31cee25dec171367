"""A counter: every read lies between the least and the greatest value that the adds allow.

Operations, as in Jepsen's counter workload: `add` of a whole number, below zero too, and `read` returning one.

    {process 0, invoke, add, 5}   {process 0, ok, add, 5}
    {process 1, invoke, add, 2}                                 still open: it counts or not
    {process 2, invoke, read}     {process 2, ok, read, 4}      below 5: violation

With increments alone the bounds are the sum of what was acknowledged before the read's call, and of what was called
before its return. With decrements they are the least and greatest such sums at any moment while the read was open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.collection import collected, count
from checkers.prefixes import PrefixStream
from harness import _core
from harness.checker import Budget, Result
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.history import History

KINDS = ("below-bounds", "above-bounds")

INT64_MAX = (1 << 63) - 1


class CounterBounds:
    """`counter-bounds`. `initial` is the value before the first add."""

    figures: ClassVar[Mapping[str, str]] = {"reads that missed additions": "below_bounds"}

    def __init__(self, *, initial: int = 0) -> None:
        self.initial = whole("counter-bounds: initial", initial)

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `adds, reads` and the kinds. Inconclusive without a read. Raises `HistoryError`."""
        return collected(
            "counter-bounds", lambda: _core.check_counter(history.core, initial=self.initial), KINDS, _passed
        )

    def stream(self, so_far: Callable[[], History]) -> PrefixStream:
        """See `harness.streaming`: adds that come later were not there to be read."""
        return PrefixStream(self, KINDS, so_far)


def whole(name: str, value: object) -> int:
    """An option that is a whole number of 64 bits. Raises `UsageError`."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > INT64_MAX:
        raise UsageError(f"{name} must be a whole number of 64 bits, not {value!r}")
    return value


def _passed(stats: Mapping[str, Any]) -> str:
    return f"the values of {count(stats['reads'], 'read')} lie within the bounds of {count(stats['adds'], 'add')}"
