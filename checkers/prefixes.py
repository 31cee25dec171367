"""Judging while a history grows by judging it again: for checkers so quick that this is cheap.

A violation of some kinds stays one however the history goes on: an identifier that was given out twice, a cycle of
transactions. So the beginning of a history is enough to tell it, and the check of the beginning finds it. It is made
whenever the history has grown by an eighth, which costs about nine checks in all, however long the history gets. In
exchange a violation is told when the history is at most an eighth longer than it had to be. Kinds that a continuation
can still mend (a lost element that a later read shows, a value whose write comes later) are left to the check at
the end.

The last moment of the beginning is left out each time: what is yet to be called in it would be concurrent with what
returned in it, and could explain it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from harness.checker import Anomaly, Budget, Checker, Result
from harness.history import History
from harness.operation import Type

GROWTH = 8
"""It is judged again when the history is longer by a `GROWTH`-th."""

EVENTS_MIN = 1_000
"""New events at least before it is judged again."""


class PrefixStream:
    """`harness.streaming.Stream` of a checker, for the violations of these kinds.

    They must be final: whatever follows a history that shows one, the whole is a violation, too. With `final` None
    every kind is. `budget` is what one look may cost; what a run can stop by must not hang on how busy a machine is,
    so it matters only where a checker counts as well as it times.
    """

    def __init__(
        self,
        checker: Checker,
        final: Collection[str] | None,
        so_far: Callable[[], History],
        budget: Budget | None = None,
    ) -> None:
        self._checker = checker
        self._final = None if final is None else frozenset(final)
        self._so_far = so_far
        self._budget = budget or Budget()
        self._events = 0
        self._ops = 0
        self._due = EVENTS_MIN
        self._found = False

    @property
    def ops(self) -> int:
        """See `harness.streaming.Stream`: those of the beginning that was judged last."""
        return self._ops

    def feed(self, batch: History) -> Anomaly | None:
        """See `harness.streaming.Stream`."""
        self._events += len(batch)
        if self._found or self._events < self._due:
            return None
        self._due = self._events + max(EVENTS_MIN, self._events // GROWTH)
        settled = _settled(self._so_far())
        result = self._checker.check(settled, budget=self._budget)
        self._ops = _ops(settled)
        final = next((one for one in result.anomalies if self._final is None or one.type in self._final), None)
        self._found = final is not None
        return final

    def finish(self, *, budget: Budget | None = None) -> Result:
        """See `harness.streaming.Stream`."""
        return self._checker.check(self._so_far(), budget=budget or Budget())


def _ops(history: History) -> int:
    kinds = zip(history.types(), history.column("process"), strict=True)
    return sum(kind == Type.INVOKE and process >= 0 for kind, process in kinds)


def _settled(history: History) -> History:
    """What was recorded before the latest time."""
    times = history.column("time").tolist()
    return history.select(range(times.index(max(times)))) if times else history
