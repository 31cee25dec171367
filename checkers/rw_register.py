"""Transactions that write registers and read them: which level of isolation do they show?

A read says which write it saw. In which order a key's versions came it does not say, and deciding serializability
without that is NP-complete; so what is found is certain, and what is not found may be there, unless the workload reads
before it writes or more is assumed: that transactions write after what they read, that every key is sequential, or
linearizable.
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


AXIOMATIC = ("read-committed", "read-atomic", "causal-cerone")
"""Levels decided completely, whatever is known of the versions' order: they promise that sessions are kept, too."""


class RwRegister:
    """`rw-register`. An operation's value is a list of `["w", key, value]` and `["r", key, value or null]`.

    `level` is any of `checkers.levels.LEVELS`. No value may be written to a key twice, and none is null, which is what
    a key holds before the first write.
    """

    def __init__(
        self,
        *,
        level: str = "strict-serializable",
        writes_follow_reads: bool = False,
        sequential_keys: bool = False,
        linearizable_keys: bool = False,
    ) -> None:
        self.level = level_of("rw-register", level)
        self.writes_follow_reads = bool(writes_follow_reads)
        self.sequential_keys = bool(sequential_keys)
        self.linearizable_keys = bool(linearizable_keys)

    def check(self, history: History, *, budget: Budget) -> Result:
        """Looks for every anomaly of any level and answers for the one asked for; `stats` as in `transactions.answer`.

        Raises `HistoryError` for a history that breaks the rules or is not one of registers.
        """
        began = time.monotonic()
        try:
            report = _core.check_rw_register(
                history.core,
                writes_follow_reads=self.writes_follow_reads,
                sequential_keys=self.sequential_keys,
                linearizable_keys=self.linearizable_keys,
                axioms=self.level if self.level in AXIOMATIC else None,
                seconds=budget.seconds,
                memory_bytes=budget.memory_bytes,
            )
        except _core.MalformedHistory as malformed:
            raise refusal(malformed) from None
        return answer(report, model="rw-register", level=self.level, seconds=time.monotonic() - began)

    def stream(self, so_far: Callable[[], History]) -> PrefixStream | None:
        """See `harness.streaming`, and `checkers.transactions.final` for what can be told before the end."""
        kinds = final(self.level)
        return PrefixStream(self, kinds, so_far) if kinds else None
