"""Judging histories. For whoever has a history and a question, this is all there is to know:

    >>> from checkers import History, check
    >>> result = check(History.read("history.edn"), "cas-register")        # doctest: +SKIP
    >>> result.verdict, result.why                                         # doctest: +SKIP

Each module beside this one is a checker, and tells what it looks for, in which histories; docs/checkers.md tells how.
"""

from __future__ import annotations

from typing import Any

from checkers.model import ILLEGAL, UNKNOWN, Model, Steps, Table
from harness.checker import Anomaly, Budget, Result
from harness.errors import HistoryError, UsageError
from harness.history import History
from harness.verdict import Verdict

__all__ = [
    "ILLEGAL",
    "UNKNOWN",
    "Anomaly",
    "Budget",
    "History",
    "HistoryError",
    "Model",
    "Result",
    "Steps",
    "Table",
    "UsageError",
    "Verdict",
    "check",
]


def check(
    history: History,
    model: str | Model,
    *,
    level: str | None = None,
    independent: bool | None = None,
    budget: Budget | None = None,
    **options: Any,
) -> Result:
    """Judges a history as `splitbrain check` does.

    `model` is what the history is taken for: a data type (`register`, `cas-register`, `multi-register`, `kv`, `set`,
    `counter`, `mutex`, `semaphore`, `queue`, `priority-queue`, `stack`), a checker by name (`list-append`,
    `rw-register`, `set-full`, `bank`, ...), or a `Model` of your own. `level` is how strong: `linearizable` (the
    default), `sequential`, `causal`, ... for registers, any of `checkers.levels.LEVELS` for transactions. `options` are
    the checker's own, such as `failed_cas="assert"`.

    With `independent`, values are tuples `[key, value]` and each key is an object of its own; by default they are taken
    for that where they can be nothing else. A `budget` is 60 s and 4 GiB if none is given; out of it the verdict is
    `inconclusive`.

    Raises `UsageError` for a question that makes no sense, and `HistoryError` for a history that is not one of `model`.
    """
    from harness import models

    checker = models.checker_for(model, level, options)
    return checker.check(models.independent(history, model, independent), budget=budget or Budget())
