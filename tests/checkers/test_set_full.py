"""Sets that are read all the time."""

from __future__ import annotations

import pytest

from checkers.set_full import SetFull
from harness.errors import HistoryError, UsageError
from harness.verdict import Verdict
from tests.checkers.lines import done, judged, only

ADD = done(0, "add", "7")


def test_a_stable_element() -> None:
    result = judged(SetFull(linearizable=True), done(1, "read", "", "[]") + ADD + done(1, "read", "", "[7]"))
    assert (result.verdict, result.stats["stable"], result.stats["stable_latency_ms"]["1"]) == (Verdict.PASS, 1, 0)
    assert result.why == "1 of 1 elements are stable, 0 were never read, none was lost"


def test_a_lost_element() -> None:
    result = judged(SetFull(), ADD + done(1, "read", "", "[7]") + done(2, "read", "", "[]"))
    anomaly = only(result)
    assert (anomaly.type, anomaly.ops) == ("lost", (0, 1, 4, 5))
    assert anomaly.message == (
        "Process 2 invoked a read at 5 ms that missed 7, 3 ms after its add by process 0 was acknowledged, and nobody "
        "saw it since."
    )
    assert result.stats["lost_latency_ms"] == {"0": 1.0, "0.5": 1.0, "0.95": 1.0, "0.99": 1.0, "1": 1.0}


def test_an_element_seen_by_one_and_missed_by_a_later_read_is_lost_even_if_its_add_crashed() -> None:
    crashed = "0 invoke add 7\n0 info add 7\n"
    result = judged(SetFull(), crashed + done(1, "read", "", "[7]") + done(2, "read", "", "[]"))
    assert only(result).message == (
        "Process 2 invoked a read at 5 ms that missed 7, 1 ms after process 1 had read it, and nobody saw it since."
    )
    alone = judged(SetFull(), crashed + done(2, "read", "", "[]"))
    assert (alone.verdict, alone.stats["never_read"]) == (Verdict.INCONCLUSIVE, 1)


def test_a_stale_read_is_a_violation_only_on_request() -> None:
    text = ADD + "\n\n" + done(1, "read", "", "[]") + done(1, "read", "", "[7]")
    result = judged(SetFull(), text)
    assert (result.verdict, result.stats["stale"]) == (Verdict.PASS, 1)
    assert result.stats["stable_latency_ms"]["0.5"] == 21
    assert result.stats["worst_stale"] == [
        {
            "ms": 21,
            "message": "Process 1 invoked a read at 23 ms that missed 7, 21 ms after its add by process 0 was "
            "acknowledged, although it was there again later.",
            "ops": [0, 1, 2, 3],
        }
    ]
    strict = judged(SetFull(linearizable=True), text)
    assert (strict.verdict, only(strict).type) == (Verdict.FAIL, "stale-read")


def test_a_read_that_may_have_come_later_excuses_one_that_missed_it() -> None:
    text = ADD + "1 invoke read\n" + done(2, "read", "", "[]") + "1 ok read [7]\n"
    assert judged(SetFull(), text).stats["lost"] == 0


def test_duplicates_are_counted_for_real() -> None:
    result = judged(SetFull(), ADD + done(1, "read", "", "[7,7,7]"))
    assert only(result).message == "The read by process 1 at 4 ms returned 7 3 times."
    assert result.verdict is Verdict.FAIL


def test_an_element_read_before_it_was_added() -> None:
    result = judged(SetFull(), done(1, "read", "", "[7]") + ADD + done(1, "read", "", "[7]"))
    assert only(result).message == "Process 1 read 7 at 2 ms, but the first to add it was process 0, not before 3 ms."


def test_many_lost_elements_are_all_counted() -> None:
    result = judged(SetFull(), "".join(done(0, "add", str(n)) for n in range(150)) + done(1, "read", "", "[]"))
    assert (result.stats["lost"], len(result.anomalies)) == (150, 20)


def test_nothing_read_is_inconclusive() -> None:
    assert judged(SetFull(), "").verdict is Verdict.INCONCLUSIVE
    result = judged(SetFull(), ADD)
    assert (result.verdict, result.why) == (Verdict.INCONCLUSIVE, "no element was read")


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError, match="true or false"):
        SetFull(linearizable="yes")  # type: ignore[arg-type]  # users write anything into a claims file
    with pytest.raises(HistoryError, match=r"^event 1: a read of a set returns a list"):
        judged(SetFull(), done(0, "read", "", "{}"))
