"""Long fork: two reads that saw two independent writes in opposite orders, which snapshot isolation forbids.

Operations, as in Jepsen's long-fork workload: `write`, `read` or `txn`, each a list of `["w", key, value]` and
`["r", key, value]` (null: not written yet). Every key is written at most once.

    {process 0, ok, write, [["w", 1, 1]]}     {process 2, ok, read, [["r", 1, 1], ["r", 2, null]]}
    {process 1, ok, write, [["w", 2, 1]]}     {process 3, ok, read, [["r", 1, null], ["r", 2, 1]]}     fork
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from checkers.collection import collected
from checkers.prefixes import PrefixStream
from harness import _core
from harness.checker import Budget, Result

if TYPE_CHECKING:
    from harness.history import History

KINDS = ("long-fork", "thin-air", "aborted-read")


class LongFork:
    """`long-fork`. A fork is told once for each pair of keys. Values that nobody wrote, or only a failed write, are
    violations too.
    """

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `writes, reads_of_several_keys, reads_before_all_writes, reads_after_all_writes` and the kinds.

        Inconclusive if no read of several keys returned. Raises `HistoryError`, also for a key written twice.
        """
        return collected("long-fork", lambda: _core.check_long_fork(history.core), KINDS, _passed)

    def stream(self, so_far: Callable[[], History]) -> PrefixStream:
        """See `harness.streaming`. Values that nobody wrote so far are left to the end."""
        return PrefixStream(self, ("long-fork", "aborted-read"), so_far)


def _passed(stats: Mapping[str, Any]) -> str:
    some = stats["reads_of_several_keys"] - stats["reads_before_all_writes"] - stats["reads_after_all_writes"]
    return f"{stats['reads_of_several_keys']:,} reads agree on the order of writes; {some:,} saw some and not others"
