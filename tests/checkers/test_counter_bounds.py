"""Counters."""

from __future__ import annotations

import pytest

from checkers.counter_bounds import CounterBounds
from harness.errors import HistoryError, UsageError
from harness.verdict import Verdict
from tests.checkers.lines import done, judged, only

ADDS = "".join(done(process, "add", str(delta)) for process, delta in enumerate([5, 1, 2]))


def test_within_bounds() -> None:
    for value in ("8", "11"):
        result = judged(CounterBounds(), ADDS + "5 invoke add 3\n" + done(4, "read", "", value))
        assert (result.verdict, result.why) == (Verdict.PASS, "the values of 1 read lie within the bounds of 4 adds")


def test_below() -> None:
    result = judged(CounterBounds(), ADDS + done(4, "read", "", "6"))
    assert only(result).message == (
        "Process 4 read 6 at 8 ms, but the adds that certainly came before leave at least 8."
    )
    assert only(result).ops == (0, 1, 4, 5, 6, 7), "5 and 2 prove it"


def test_above() -> None:
    failed = "5 invoke add 3\n5 fail add 3\n"
    result = judged(CounterBounds(initial=10), ADDS + failed + done(4, "read", "", "19") + done(0, "add", "9"))
    assert (only(result).type, only(result).ops) == ("above-bounds", (8, 9))
    assert "all adds that can have come before make at most 18" in only(result).message


def test_decrements() -> None:
    crashed = "5 invoke add -3\n5 info add -3\n"
    for value, verdict in (("8", Verdict.PASS), ("5", Verdict.PASS), ("4", Verdict.FAIL), ("9", Verdict.FAIL)):
        assert judged(CounterBounds(), ADDS + crashed + done(4, "read", "", value)).verdict is verdict, value


def test_an_increment_acknowledged_before_a_decrement_was_invoked_cannot_be_left_out() -> None:
    text = "4 invoke read\n" + done(0, "add", "5") + done(1, "add", "-5")
    assert judged(CounterBounds(), text + "4 ok read -1\n").verdict is Verdict.FAIL
    assert judged(CounterBounds(), text + "4 ok read 5\n").verdict is Verdict.PASS


def test_huge_numbers_do_not_overflow() -> None:
    most = str((1 << 63) - 1)
    assert judged(CounterBounds(), done(0, "add", most) * 2 + done(1, "read", "", most)).verdict is Verdict.FAIL


def test_without_reads() -> None:
    assert judged(CounterBounds(), "").verdict is Verdict.INCONCLUSIVE
    assert judged(CounterBounds(), ADDS).why == "no read returned"


def test_bad_input_is_refused() -> None:
    for initial in (1.5, True, 1 << 63):
        with pytest.raises(UsageError, match="whole number"):
            CounterBounds(initial=initial)  # type: ignore[arg-type]  # users write anything into a claims file
    with pytest.raises(HistoryError, match=r"^event 0: an add to a counter needs a whole number, not 1.5"):
        judged(CounterBounds(), done(0, "add", "1.5"))
    with pytest.raises(HistoryError, match=r"^event 1: a read of a counter returns a whole number, not null"):
        judged(CounterBounds(), done(0, "read"))
