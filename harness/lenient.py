"""Going on over a history that breaks the rules, for a user who asks for it, and telling everything that was given up.

Three things are given up, in this order. What belongs to no operation, see `History.mended`. The order of clocks that
went back: the order of events counts. And every operation that the checker refuses: with it goes the whole operation,
with an unknown function all of that function's. Correcting any of them was rejected: a value that is guessed is
a verdict that is guessed.

An answer that is forgotten only allows the store more, so a violation found without it is one. An operation that is
left out may be what a read saw; so a violation may come from what is missing, and the verdict says so.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from harness.errors import HistoryError
from harness.history import PROBLEMS_MAX, Problem
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.checker import Budget, Checker, Result
    from harness.history import History

REFUSALS_MAX = 100
"""Refused one after the other; more, and the history is not one of this model."""


@dataclass(frozen=True, slots=True)
class Concessions:
    """What a lenient check gave up.

    `strays` counts completions without an invocation; `unanswered` operations whose answers are forgotten;
    `operations` those the checker refused, left out; `times_back` the times that went back. `problems` are the reasons,
    at most `PROBLEMS_MAX`.
    """

    strays: int
    unanswered: int
    operations: int
    times_back: int
    problems: Sequence[Problem]

    def to_json(self) -> dict[str, Any]:
        """For `check --json`."""
        return {
            "strays": self.strays,
            "unanswered": self.unanswered,
            "operations": self.operations,
            "times_back": self.times_back,
            "problems": [
                {"event": problem.event, "line": problem.line, "message": problem.message} for problem in self.problems
            ],
        }

    def told(self) -> str:
        """In a sentence."""
        given_up = [
            f"1 {one}" if number == 1 else f"{number:,} {more}"
            for number, one, more in (
                (
                    self.strays,
                    "completion without an invocation left out",
                    "completions without an invocation left out",
                ),
                (
                    self.unanswered,
                    "operation of a process with two open at once taken as never answered",
                    "operations of processes with two open at once taken as never answered",
                ),
                (
                    self.operations,
                    "operation that does not fit the model left out",
                    "operations that do not fit the model left out",
                ),
                (
                    self.times_back,
                    "time that goes backwards overruled by the order of events",
                    "times that go backwards overruled by the order of events",
                ),
            )
            if number
        ]
        return f"lenient: {', '.join(given_up)}" if given_up else "lenient, but there was nothing to overlook"


def check(checker: Checker, history: History, *, budget: Budget) -> tuple[Result, Concessions]:
    """Judges what is left of a history when everything that breaks a rule is given up. `why` of the result tells it.

    Raises `HistoryError` when more than `REFUSALS_MAX` operations are refused one after the other.
    """
    kept, strays, unanswered = history.mended()
    problems = history.problems(limit=PROBLEMS_MAX)
    times_back = sum(later < earlier for earlier, later in pairwise(history.column("time")))
    deadline = time.monotonic() + budget.seconds
    operations = refusals = 0
    while True:
        try:
            result = checker.check(kept, budget=replace(budget, seconds=max(deadline - time.monotonic(), 0.0)))
            break
        except HistoryError as refusal:
            if refusal.event is None:
                raise
            refusals += 1
            if refusals > REFUSALS_MAX:
                raise HistoryError(
                    f"{refusal}; it is the last straw: {REFUSALS_MAX} operations before it were left out for such "
                    "reasons, so this is no history of this model"
                ) from None
            problems.append(Problem(refusal.event, str(refusal), refusal.line, fatal=True))
            rows = _refused(kept, refusal)
            operations += sum(kept.types()[row] == 0 for row in rows)
            kept = kept.select(row for row in range(len(kept)) if row not in rows)
    given_up = Concessions(len(strays), len(unanswered), operations, times_back, problems[:PROBLEMS_MAX])
    return replace(result, why=_why(result, given_up)), given_up


def _refused(history: History, refusal: HistoryError) -> set[int]:
    """The rows of the operation that was refused, or of all with its function."""
    assert refusal.event is not None
    row = bisect_left(history.column("index"), refusal.event)
    rows = {row}
    if refusal.unknown_f:
        codes = memoryview(history.core.codes("f")[0])
        rows = {place for place, code in enumerate(codes) if code == codes[row]}
    partners = (_partner(history, row) for row in rows)
    return rows | {partner for partner in partners if partner is not None}


def _partner(history: History, row: int) -> int | None:
    completion = history.completion(row)
    return history.invocation(row) if completion is None else completion


def _why(result: Result, given_up: Concessions) -> str:
    told = f"{result.why} ({given_up.told()})" if result.why else given_up.told()
    if result.verdict is Verdict.FAIL and given_up.strays + given_up.operations:
        return f"{told}; the violation may come from what is left out"
    if result.verdict is Verdict.PASS and given_up != Concessions(0, 0, 0, 0, []):
        return f"{told}; it passes for the rest"
    return told
