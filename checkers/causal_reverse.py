"""Causal reverse: a read that sees a write, but misses one that was acknowledged before the other was even invoked.

Strict serializability forbids it, serializability does not. Operations, as in Jepsen's causal-reverse workload: `write`
(or `add`) of a value that is written once, `read` returning the list of all values.

    {process 0, invoke, write, 1}   {process 0, ok, write, 1}
    {process 0, invoke, write, 2}   {process 0, ok, write, 2}
    {process 1, invoke, read}       {process 1, ok, read, [2]}      2 without 1
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from checkers.collection import collected, count
from checkers.prefixes import PrefixStream
from harness import _core
from harness.checker import Budget, Result

if TYPE_CHECKING:
    from harness.history import History

KINDS = ("causal-reverse", "thin-air", "aborted-read")


class CausalReverse:
    """`causal-reverse`. It is told once for each read. Values that nobody wrote, or only a failed write, are violations
    too.
    """

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `acknowledged, reads` and the kinds.

        Inconclusive without a read or an acknowledged write. Raises `HistoryError`, also for a value written twice.
        """
        return collected("causal-reverse", lambda: _core.check_causal_reverse(history.core), KINDS, _passed)

    def stream(self, so_far: Callable[[], History]) -> PrefixStream:
        """See `harness.streaming`. Values that nobody wrote so far are left to the end."""
        return PrefixStream(self, ("causal-reverse", "aborted-read"), so_far)


def _passed(stats: Mapping[str, Any]) -> str:
    return (
        f"no read of {stats['reads']:,} contradicts the order of {count(stats['acknowledged'], 'acknowledged write')}"
    )
