"""Sets that are read at the end."""

from __future__ import annotations

import pytest

from checkers.set_final import SetFinal
from harness.errors import HistoryError
from harness.verdict import Verdict
from tests.checkers.lines import done, judged, only

ADDS = done(0, "add", "1") + done(1, "add", "2")


def test_what_was_acknowledged_is_there() -> None:
    result = judged(SetFinal(), ADDS + done(0, "read", "", "[2,1]"))
    assert (result.verdict, result.why) == (
        Verdict.PASS,
        "all 2 elements acknowledged before the final reads (1) are in them",
    )
    assert result.stats["attempted"] == result.stats["acknowledged"] == 2


def test_a_lost_element() -> None:
    result = judged(SetFinal(), ADDS + done(3, "read", "", "[2]"))
    assert result.verdict is Verdict.FAIL
    anomaly = only(result)
    assert (anomaly.type, anomaly.ops) == ("lost", (0, 1, 4, 5))
    assert anomaly.message == (
        "The add of 1 by process 0 was acknowledged at 2 ms, but the final read by process 3 at 6 ms does not hold it."
    )


def test_made_up_failed_and_doubled_elements() -> None:
    text = ADDS + "5 invoke add 3\n5 fail add 3\n" + done(0, "read", "", "[1,2,2,3,4]")
    result = judged(SetFinal(), text)
    assert [anomaly.type for anomaly in result.anomalies] == ["duplicate", "unexpected", "unexpected"]
    assert [anomaly.message for anomaly in result.anomalies] == [
        "The final read by process 0 at 8 ms returned 2 2 times.",
        "Process 0 read 3 at 8 ms, although the add by process 5 had failed.",
        "Process 0 read 4 at 8 ms, which nobody ever added.",
    ]
    assert (result.stats["unexpected"], result.stats["duplicate"], result.stats["lost"]) == (2, 1, 0)


def test_indeterminate_adds_are_never_blamed() -> None:
    crashed = "5 invoke add 3\n5 info add 3\n6 invoke add 4\n"
    result = judged(SetFinal(), ADDS + crashed + done(0, "read", "", "[1,2,3]"))
    assert (result.verdict, result.stats["recovered"]) == (Verdict.PASS, 1)


def test_only_what_was_acknowledged_before_the_final_read_was_invoked() -> None:
    late = "0 invoke add 1\n1 invoke read\n0 ok add 1\n1 ok read []\n"
    result = judged(SetFinal(), late)
    assert (result.verdict, result.stats["acknowledged_too_late"]) == (Verdict.INCONCLUSIVE, 1)
    assert result.why == "no element was acknowledged before the final read"


def test_after_the_mark_every_read_is_final() -> None:
    early = ADDS + done(7, "read", "", "[]")
    result = judged(SetFinal(), early + "-- final\n" + done(7, "read", "", "[1]") + done(8, "read", "", "[1,2]"))
    assert only(result).message.startswith("The add of 2")
    assert judged(SetFinal(), early + "-- final\n" + done(8, "read", "", "[1,2]")).verdict is Verdict.PASS
    unread = judged(SetFinal(), early + "-- final\n7 invoke read\n7 fail read\n")
    assert (unread.verdict, unread.why) == (Verdict.INCONCLUSIVE, "no final read returned")


def test_keys_are_sets_of_their_own() -> None:
    text = done(0, "add@a", "1") + done(0, "read@a", "", "[1]") + done(0, "add@b", "1") + done(0, "read@b", "", "[]")
    result = judged(SetFinal(), text)
    assert (only(result).key, result.stats["keys"]) == ("b", 2)
    assert result.why.startswith("1 lost; key b: ")


def test_nothing_is_inconclusive() -> None:
    assert judged(SetFinal(), "").verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (done(0, "read", "", "7"), "event 1: a read of a set returns a list, not 7"),
        (done(0, "read"), "event 1: a read of a set returns a list, not null"),
        (done(0, "add"), "event 0: an add needs an element"),
        (done(0, "write", "1"), 'event 0: a set knows add and read, not "write"'),
        ("0 invoke add 1\n0 invoke add 2\n", "event 1: process 0"),
    ],
)
def test_other_histories_are_refused(text: str, message: str) -> None:
    with pytest.raises(HistoryError, match="^" + message):
        judged(SetFinal(), text)
