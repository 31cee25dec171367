"""Linearizability of registers while their history grows. The algorithm is in `core/checkers/src/register/online.rs`.

The core remembers only what can still matter and finds that there is a violation; the proof is made by the check of
the whole history, of one key, so that streaming and not streaming tell the same story, and nothing is told that brute
force did not confirm.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from checkers.linearizable import linearizable, refusal
from harness import _core
from harness.checker import Anomaly, Budget, Result
from harness.history import History

if TYPE_CHECKING:
    from checkers.linearizable import Linearizable


class RegisterStream:
    """`harness.streaming.Stream` of a checker of registers.

    Keys to which a value is written twice are left to the check at the end.
    """

    def __init__(self, checker: Linearizable, so_far: Callable[[], History]) -> None:
        self._checker = checker
        self._so_far = so_far
        self._core = _core.RegisterStream(
            initial=checker.initial, has_cas=checker.model == "cas-register", failed_cas=checker.failed_cas
        )
        self._found = False
        self._refused = False
        self._seconds = 0.0

    @property
    def ops(self) -> int:
        """See `harness.streaming.Stream`: those of keys that are not left to the end."""
        keys = self._core.keys()
        return sum(ops for _, ops, standing in keys if standing != "unknown")

    def feed(self, batch: History) -> Anomaly | None:
        """See `harness.streaming.Stream`."""
        began = time.monotonic()
        try:
            broken = self._core.feed(batch.core)
        except _core.MalformedHistory as malformed:
            self._refused = True
            raise refusal(malformed) from None
        finally:
            self._seconds += time.monotonic() - began
        return None if broken is None or self._found else self._proved(broken[0])

    def finish(self, *, budget: Budget | None = None) -> Result:
        """See `harness.streaming.Stream`. `stats` are those of the check."""
        history = None
        if not self._refused:
            began = time.monotonic()
            self._core.end()
            keys = self._core.keys()
            self._seconds += time.monotonic() - began
            history = self._so_far()
            if keys and all(standing == "linearizable" for _, _, standing in keys) and not history.problems(limit=1):
                ops = {key: ops for key, ops, _ in keys}
                return linearizable(ops, str(self._checker.model), seconds=self._seconds)
        return self._checker.check(history or self._so_far(), budget=budget or Budget())

    @property
    def remembered(self) -> int:
        """Number of operations, values and groups of values in memory."""
        return self._core.remembered()

    def _proved(self, key: str | None) -> Anomaly | None:
        history = self._so_far()
        result = self._checker.check(history if key is None else history.for_key(key), budget=Budget())
        if not result.anomalies:  # nobody is told what the proof does not bear out; the end will show
            return None
        self._found = True
        return result.anomalies[0]
