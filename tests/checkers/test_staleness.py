"""How stale reads got."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checkers.staleness import Staleness
from harness.checker import Budget
from harness.errors import HistoryError, UsageError
from harness.history import History
from harness.verdict import Verdict
from tests.checkers.registers import Op, recorded

BUDGET = Budget()
LATE = [Op("write", 1, 0, 10), Op("write", 2, 20, 30), Op("read", 1, 530, 540), Op("read", 1, 100, 110)]


def test_the_stalest_read_is_told_in_milliseconds() -> None:
    result = Staleness().check(recorded(LATE), budget=BUDGET)
    assert result.verdict is Verdict.PASS
    assert result.stats["worst_ms"] == 500
    assert result.why == "the stalest read was 500.000 ms late; every read returned one of the last 2 values"
    [anomaly] = result.anomalies
    assert anomaly.message == (
        "Process 2 invoked a read at 530 ms that returned 1, 500 ms after the write of 2 by process 1 had returned."
    )
    assert list(anomaly.ops) == [2, 3, 6, 7]


def test_versions_behind_are_bounded() -> None:
    writes = [Op("write", i, 20 * i, 20 * i + 10) for i in range(1, 5)]
    stats = Staleness().check(recorded([*writes, Op("read", 2, 200, 210)]), budget=BUDGET).stats
    assert (stats["versions_at_least"], stats["versions_at_most"]) == (3, 3)
    swapped = [*writes, Op("cas", [4, 5], 100, 110), Op("read", 2, 200, 210)]
    stats = Staleness().check(recorded(swapped), budget=BUDGET).stats
    assert (stats["versions_at_least"], stats["versions_at_most"]) == (4, None)
    fresh = Staleness().check(recorded(writes), budget=BUDGET).stats
    assert (fresh["versions_at_least"], fresh["versions_at_most"]) == (1, 1)


WRITES = [Op("write", i, 20 * i, 20 * i + 10) for i in range(1, 5)]


@pytest.mark.parametrize(("limit", "verdict"), [(3, Verdict.PASS), (2, Verdict.FAIL), (1, Verdict.FAIL)])
def test_a_promise_in_versions_is_kept_or_broken(limit: int, verdict: Verdict) -> None:
    result = Staleness(max_versions=limit).check(recorded([*WRITES, Op("read", 2, 200, 210)]), budget=BUDGET)
    assert result.verdict is verdict
    if verdict is Verdict.FAIL:
        # The write of 2, those of 3 and 4 over it, and the read.
        [anomaly] = result.anomalies
        assert (anomaly.ops, anomaly.details) == ((2, 3, 4, 5, 6, 7, 8, 9), {"versions": 3})
        assert "one of the last 3 values at best" in result.why


def test_both_promises_count() -> None:
    stale = recorded([*WRITES, Op("read", 2, 200, 210)])
    assert Staleness(max="1s", max_versions=2).check(stale, budget=BUDGET).verdict is Verdict.FAIL
    assert Staleness(max="1ms", max_versions=3).check(stale, budget=BUDGET).verdict is Verdict.FAIL
    assert Staleness(max="1s", max_versions=3).check(stale, budget=BUDGET).verdict is Verdict.PASS


def test_an_unknown_number_of_versions_is_no_pass() -> None:
    swapped = recorded([Op("write", 1, 0, 10), Op("cas", [1, 2], 20, 30), Op("read", 2, 40, 50)])
    result = Staleness(max_versions=1).check(swapped, budget=BUDGET)
    assert (result.verdict, result.anomalies) == (Verdict.INCONCLUSIVE, [])


@pytest.mark.parametrize(("limit", "verdict"), [("500ms", Verdict.PASS), (0.4999, Verdict.FAIL), ("1m", Verdict.PASS)])
def test_a_promise_is_kept_or_broken(limit: float | str, verdict: Verdict) -> None:
    assert Staleness(max=limit).check(recorded(LATE), budget=BUDGET).verdict is verdict


def test_a_fork_is_no_matter_of_lateness() -> None:
    fork = [Op("write", 1, 0, 10), Op("cas", [1, 2], 20, 30), Op("cas", [1, 3], 20, 30), Op("read", 1, 70, 80)]
    measured = Staleness().check(recorded(fork), budget=BUDGET)
    assert (measured.verdict, measured.stats["worst_ms"], measured.stats["keys_unbounded"]) == (Verdict.PASS, 40, 1)
    promised = Staleness(max=60).check(recorded(fork), budget=BUDGET)
    assert promised.verdict is Verdict.FAIL
    assert promised.anomalies[0].type == "unbounded-staleness"
    assert "both found 1" in promised.anomalies[0].message


def test_values_written_twice_give_a_lower_bound_only() -> None:
    twice = [Op("write", 1, 0, 10), Op("write", 2, 20, 30), Op("write", 2, 40, 50), Op("read", 2, 60, 70)]
    result = Staleness(max=1).check(recorded(twice), budget=BUDGET)
    assert (result.verdict, result.stats["keys_undecided"]) == (Verdict.INCONCLUSIVE, 1)
    told = "process 3 saw 2 at 70 ms, which was written by process 1 at 20 ms and again by process 2 at 40 ms"
    assert told in result.why
    for measured in (Staleness(), Staleness(max_versions=2)):
        result = measured.check(recorded(twice), budget=BUDGET)
        assert result.verdict is Verdict.INCONCLUSIVE, "measured is not promised, but nothing was measured"
        assert told in result.why
    unseen = [*twice[:3], Op("read", 1, 60, 70)]
    assert Staleness().check(recorded(unseen), budget=BUDGET).verdict is Verdict.PASS


def test_without_times_there_are_versions_alone(tmp_path: Path) -> None:
    stale = [Op("write", 1, 0, 10), Op("write", 2, 20, 30), Op("read", 1, 40, 50)]
    file = tmp_path / "history.jsonl"
    recorded(stale).write(file, "jsonl")
    file.write_text(re.sub(r'"time":\d+,', "", file.read_text()))
    untimed = History.read(file)
    assert not untimed.has_times
    for measured in (Staleness(), Staleness(max="1s")):
        result = measured.check(untimed, budget=BUDGET)
        assert (result.verdict, "the history has no times" in result.why) == (Verdict.INCONCLUSIVE, True)
    assert Staleness(max_versions=1).check(untimed, budget=BUDGET).verdict is Verdict.FAIL
    assert Staleness(max_versions=2).check(untimed, budget=BUDGET).verdict is Verdict.PASS


def test_nothing_measured_is_not_a_pass() -> None:
    assert Staleness(max=1).check(recorded([]), budget=BUDGET).verdict is Verdict.INCONCLUSIVE


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError, match="not a duration"):
        Staleness(max="soon")
    for wrong in (0, True, "2"):
        with pytest.raises(UsageError, match="max_versions"):
            Staleness(max_versions=wrong)  # type: ignore[arg-type]
    with pytest.raises(HistoryError, match="event 0"):
        Staleness().check(recorded([Op("add", 1, 0, 1)]), budget=BUDGET)
