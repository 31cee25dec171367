"""A set that is read at the end: everything acknowledged must be in it, and nothing else that was not added.

Operations, as in Jepsen's set workload: `add` of an element (any JSON value), `read` returning the list of all.

    {process 0, invoke, add, 7}   {process 0, ok, add, 7}      7 must be in the final read
    {process 1, invoke, add, 8}   {process 1, info, add, 8}    8 may be: then it is "recovered"
    {process 2, invoke, read}     {process 2, ok, read, [7]}

Final reads are those invoked after the phase mark "final", each of which must hold everything; in a history without
the mark, the last read that returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from checkers.collection import collected
from harness import _core
from harness.checker import Budget, Result

if TYPE_CHECKING:
    from harness.history import History

KINDS = ("lost", "unexpected", "duplicate")


class SetFinal:
    """`set-final`. Lost: acknowledged before a final read was invoked, and not in it. Unexpected: in it, though never
    added, or only by an add that failed. Duplicate: in it more than once.
    """

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `attempted, acknowledged, recovered, acknowledged_too_late, final_reads` and the kinds.

        Inconclusive without a final read, or if nothing was acknowledged before it. Raises `HistoryError`.
        """
        return collected("set-final", lambda: _core.check_set(history.core), KINDS, _passed)


def _passed(stats: Mapping[str, Any]) -> str:
    judged = stats["acknowledged"] - stats["acknowledged_too_late"]
    return f"all {judged:,} elements acknowledged before the final reads ({stats['final_reads']:,}) are in them"
