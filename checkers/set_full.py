"""A set that is read all the time: for each element, whether and when it became visible for good, or was lost.

Operations as for `set-final`, with reads throughout:

    {process 0, invoke, add, 7}   {process 0, ok, add, 7}       known from here on
    {process 1, invoke, read}     {process 1, ok, read, []}     stale: it misses 7
    {process 1, invoke, read}     {process 1, ok, read, [7]}    7 is stable

An element is known once its add is acknowledged or a read that holds it returned. Take the last read, by invocation,
that lacks it. If that was invoked after the element was known, the element is *lost* when no read that could have come
later holds it, and *stale* when one does; a seen element that is not lost is *stable*. Others are *never read*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.collection import collected
from harness import _core
from harness.checker import Budget, Result
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.history import History

KINDS = ("lost", "duplicate", "unexpected", "stale-read")


class SetFull:
    """`set-full`. Violations are lost elements, elements that one read holds twice, and such as nobody can have added.

    With `linearizable`, stale reads are violations too. That judges each element by itself: orders between elements are
    what `causal-reverse` looks at.
    """

    measures: ClassVar[Mapping[str, Sequence[str]]] = {
        "lost_writes": ("lost",),
        "staleness_ms": ("stable_latency_ms", "1"),
    }

    def __init__(self, *, linearizable: bool = False) -> None:
        if not isinstance(linearizable, bool):
            raise UsageError(f"set-full: linearizable is true or false, not {linearizable!r}")
        self.linearizable = linearizable

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `attempted, acknowledged, stable, stale, never_read, reads`, the kinds; quantiles of
        `stable_latency_ms` (from known to the last read that lacks it) and `lost_latency_ms` (from known to the last
        read that holds it), each as `{"0", "0.5", "0.95", "0.99", "1"}`; and `worst_stale`, the up to 8 stalest.

        Inconclusive if no element was ever stable. Raises `HistoryError`.
        """
        return collected(
            "set-full",
            lambda: _core.check_set_full(history.core, linearizable=self.linearizable),
            KINDS,
            lambda stats: self._passed(stats),
        )

    def _passed(self, stats: Mapping[str, Any]) -> str:
        late = f", {stats.get('stale', 0):,} of them late by up to {stats['stable_latency_ms']['1']:,g} ms"
        told = f"{stats['stable']:,} of {stats['attempted']:,} elements are stable{late if stats.get('stale') else ''}"
        return f"{told}, {stats.get('never_read', 0):,} were never read, none was lost"
