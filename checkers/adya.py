"""Adya's G2 on predicates: two transactions insert, each only if the other's row is not there, and both succeed.

Operations, as in Jepsen's adya workload: `insert` of `[key, [a, b]]`, one of a and b null: which of two tables the row
goes to. With keyed operations the value is `[a, b]` alone.

    {process 0, invoke, insert, [3, [1, null]]}   {process 0, ok, ...}
    {process 1, invoke, insert, [3, [null, 2]]}   {process 1, ok, ...}     both: G2
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

KINDS = ("G2-predicate",)


class AdyaG2:
    """`adya-g2`. At most one insert of each key may succeed."""

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `pairs` (keys), `contended` (tried at least twice), `inserted`, `G2_predicate`.

        Inconclusive if no key was both tried twice and inserted. Raises `HistoryError`.
        """
        return collected("adya-g2", lambda: _core.check_adya_g2(history.core), KINDS, _passed)

    def stream(self, so_far: Callable[[], History]) -> PrefixStream:
        """See `harness.streaming`: what was inserted twice stays so."""
        return PrefixStream(self, KINDS, so_far)


def _passed(stats: Mapping[str, Any]) -> str:
    return f"none of {count(stats['contended'], 'contended key')} was inserted twice"
