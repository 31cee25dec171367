"""A queue as a bag: what was enqueued comes out, once, and nothing else does. Order is not looked at.

Operations, as in Jepsen's queue workloads: `enqueue` of a value, `dequeue` returning one (null, or a failure whose
error says "empty" or "exhausted": there was none), `drain` returning the list of all that was left.

    {process 0, invoke, enqueue, 7}   {process 0, ok, enqueue, 7}
    {process 1, invoke, drain}        {process 1, ok, drain, []}      7 is lost

A value that nobody dequeued is lost only if somebody found the queue empty after its acknowledgement, or the history
is said to end `drained`; and as long as dequeues of unknown outcome cannot have taken it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.collection import collected
from harness import _core
from harness.checker import Budget, Result
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.history import History

KINDS = ("lost", "unexpected", "duplicate")


class TotalQueue:
    """`total-queue`. `drained`: the queue is known to be empty at the end of the history."""

    figures: ClassVar[Mapping[str, str]] = {"elements lost": "lost", "elements that came out twice": "duplicate"}

    def __init__(self, *, drained: bool = False) -> None:
        if not isinstance(drained, bool):
            raise UsageError(f"total-queue: drained is true or false, not {drained!r}")
        self.drained = drained

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `attempted, acknowledged, dequeued, recovered, dequeues_of_unknown_outcome, maybe_taken,
        not_seen_again` and the kinds. Recovered were enqueued with unknown outcome, and came out.

        Inconclusive if nothing was acknowledged, or if a missing value may still be in the queue, or be taken by a
        dequeue of unknown outcome. Raises `HistoryError`.
        """
        return collected(
            "total-queue", lambda: _core.check_total_queue(history.core, drained=self.drained), KINDS, _passed
        )


def _passed(stats: Mapping[str, Any]) -> str:
    return f"all {stats['acknowledged']:,} acknowledged values came out once, {stats['recovered']:,} more with them"
