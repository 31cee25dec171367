"""Identifiers: none is given out twice.

{process 0, invoke, generate}   {process 0, ok, generate, "a-1"}
{process 1, invoke, generate}   {process 1, ok, generate, "a-1"}    duplicate
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from checkers.collection import collected
from checkers.prefixes import PrefixStream
from harness import _core
from harness.checker import Budget, Result

if TYPE_CHECKING:
    from harness.history import History

KINDS = ("duplicate",)


class UniqueIds:
    """`unique-ids`. Identifiers are any JSON value but null; `1` and `"1"` differ."""

    figures: ClassVar[Mapping[str, str]] = {"identifiers given twice": "duplicate"}

    def check(self, history: History, *, budget: Budget) -> Result:
        """`stats`: `attempted, acknowledged, duplicate`, and `range` of those that are integers.

        Inconclusive with fewer than two. Raises `HistoryError`.
        """
        return collected("unique-ids", lambda: _core.check_unique_ids(history.core), KINDS, _passed)

    def stream(self, so_far: Callable[[], History]) -> PrefixStream:
        """See `harness.streaming`: an identifier that came twice has come twice."""
        return PrefixStream(self, KINDS, so_far)


def _passed(stats: Mapping[str, Any]) -> str:
    return f"{stats['acknowledged']:,} identifiers were given out, each once"
