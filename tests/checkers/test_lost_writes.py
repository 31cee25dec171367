"""Which acknowledged writes were lost."""

from __future__ import annotations

import pytest

from checkers.lost_writes import LostWrites
from harness.checker import Budget
from harness.errors import HistoryError, UsageError
from harness.verdict import Verdict
from tests.checkers.registers import Op, recorded

BUDGET = Budget()
WRITES = [Op("write", 1, 0, 10), Op("write", 2, 20, 30)]


def test_a_final_read_shows_that_a_write_is_gone() -> None:
    history = recorded([*WRITES, Op("read", 1, 60, 70)], marks=[(50, "final")])
    result = LostWrites().check(history, budget=BUDGET)
    assert result.verdict is Verdict.FAIL
    assert (result.stats["lost"], result.stats["acknowledged"]) == (1, 2)
    [anomaly] = result.anomalies
    assert anomaly.message == (
        "The write of 2 by process 1, acknowledged at 30 ms, was lost: "
        "process 2 still read 1 after everything had been healed at 70 ms."
    )
    assert list(anomaly.ops) == [2, 3, 5, 6]
    assert LostWrites(max=1).check(history, budget=BUDGET).verdict is Verdict.PASS


def test_an_early_stale_read_shows_nothing() -> None:
    history = recorded([*WRITES, Op("read", 1, 40, 45), Op("read", 2, 60, 70)], marks=[(50, "final")])
    result = LostWrites().check(history, budget=BUDGET)
    assert (result.verdict, result.why) == (Verdict.PASS, "none of 2 acknowledged writes was lost")


def test_a_cas_that_overlooked_a_write_shows_it() -> None:
    result = LostWrites().check(recorded([*WRITES, Op("cas", [1, 3], 40, 50)]), budget=BUDGET)
    assert result.stats["lost"] == 1
    assert "process 2 changed 1 into 3" in result.anomalies[0].message


def test_of_a_fork_all_but_one_are_lost() -> None:
    forks = [Op("cas", [1, value], 40, 50 + value) for value in (3, 4, 5)]
    result = LostWrites().check(recorded([WRITES[0], *forks]), budget=BUDGET)
    assert (result.stats["lost"], result.stats["acknowledged"]) == (2, 4)


def test_unknown_outcomes_are_not_acknowledged() -> None:
    crashed = [Op("write", 1, 0, 10), Op("write", 2, 20, 30, "info"), Op("read", 1, 60, 70)]
    result = LostWrites().check(recorded(crashed, marks=[(50, "final")]), budget=BUDGET)
    assert (result.verdict, result.stats["acknowledged"]) == (Verdict.PASS, 1)


def test_nothing_acknowledged_is_not_a_pass() -> None:
    assert LostWrites().check(recorded([]), budget=BUDGET).verdict is Verdict.INCONCLUSIVE


def test_a_value_that_was_written_twice_leaves_it_open() -> None:
    twice = [*WRITES, Op("write", 1, 40, 50), Op("read", 1, 70, 80)]
    result = LostWrites().check(recorded(twice, marks=[(60, "final")]), budget=BUDGET)
    assert (result.verdict, result.stats["keys_undecided"]) == (Verdict.INCONCLUSIVE, 1)
    assert result.why == (
        "key x: process 3 saw 1 at 80 ms, which was written by process 0 at 0 ms and again by process 2 at 40 ms: "
        "nobody can tell which of the two it saw; 0 of 3 acknowledged writes were lost for sure"
    )
    back = [Op("write", 1, 0, 10), Op("write", None, 20, 30), Op("cas", [None, 3], 40, 50)]
    assert "which is the initial value and again by" in LostWrites().check(recorded(back), budget=BUDGET).why
    unseen = [*twice[:3], Op("read", 2, 30, 35), Op("write", 3, 55, 58), Op("read", 3, 70, 80)]
    assert LostWrites().check(recorded(unseen, marks=[(60, "final")]), budget=BUDGET).verdict is Verdict.PASS
    certain = [*twice[:3], Op("write", 3, 55, 58), Op("read", 1, 70, 80)]
    assert LostWrites().check(recorded(certain, marks=[(60, "final")]), budget=BUDGET).verdict is Verdict.FAIL


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError, match="whole number"):
        LostWrites(max=-1)
    with pytest.raises(HistoryError, match="event 0"):
        LostWrites().check(recorded([Op("add", 1, 0, 1)]), budget=BUDGET)
