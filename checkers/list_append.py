"""Transactions that append to lists and read them: which level of isolation do they show?

A read of a list shows the order of all its appends, so dependencies are known and answers are sound; they are complete
too, but for appends that nobody ever saw. docs/checkers.md tells how it is decided; the algorithms are in
`core/checkers/src/txn`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from checkers.linearizable import refusal
from checkers.prefixes import PrefixStream
from checkers.transactions import answer, final, level_of
from harness import _core
from harness.checker import Budget, Result

if TYPE_CHECKING:
    from harness.history import History


class ListAppend:
    """`list-append`. An operation's value is a list of `["append", key, element]` and `["r", key, list or null]`.

    `level` is any of `checkers.levels.LEVELS`. No element may be appended to a key twice.
    """

    def __init__(self, *, level: str = "strict-serializable") -> None:
        self.level = level_of("list-append", level)

    def check(self, history: History, *, budget: Budget) -> Result:
        """Looks for every anomaly of any level and answers for the one asked for; `stats` as in `transactions.answer`.

        Raises `HistoryError` for a history that breaks the rules or is not one of lists.
        """
        began = time.monotonic()
        try:
            report = _core.check_list_append(history.core, seconds=budget.seconds, memory_bytes=budget.memory_bytes)
        except _core.MalformedHistory as malformed:
            raise refusal(malformed) from None
        return answer(report, model="list-append", level=self.level, seconds=time.monotonic() - began)

    def stream(self, so_far: Callable[[], History]) -> PrefixStream | None:
        """See `harness.streaming`, and `checkers.transactions.final` for what can be told before the end."""
        kinds = final(self.level)
        return PrefixStream(self, kinds, so_far) if kinds else None
