"""Queues as bags."""

from __future__ import annotations

import pytest

from checkers.total_queue import TotalQueue
from harness.errors import HistoryError, UsageError
from harness.verdict import Verdict
from tests.checkers.lines import done, judged, only

PUT = done(0, "enqueue", "7")
EMPTY = done(9, "drain", "", "[]")


def test_everything_comes_out() -> None:
    text = PUT + done(0, "enqueue", "8") + done(1, "dequeue", "", "8") + done(1, "drain", "", "[7]")
    result = judged(TotalQueue(), text)
    assert (result.verdict, result.why) == (Verdict.PASS, "all 2 acknowledged values came out once, 0 more with them")


@pytest.mark.parametrize(
    "empty",
    [
        done(9, "drain", "", "[]"),
        done(9, "dequeue"),
        '9 invoke dequeue\n9 fail dequeue !"empty"\n',
        '9 invoke dequeue\n9 fail dequeue !["exhausted", 3]\n',
    ],
)
def test_lost_when_the_queue_was_found_empty(empty: str) -> None:
    result = judged(TotalQueue(), PUT + empty)
    assert (only(result).type, only(result).ops) == ("lost", (0, 1, 2, 3))
    assert only(result).message == (
        "The enqueue of 7 by process 0 was acknowledged at 2 ms, but it was not among what was dequeued when process 9 "
        "found the queue empty at 4 ms, nor later."
    )


def test_what_may_still_be_there_is_not_lost() -> None:
    for text in (PUT, EMPTY + PUT, PUT + "9 invoke dequeue\n9 fail dequeue !{}\n"):
        result = judged(TotalQueue(), text)
        assert (result.verdict, result.stats["not_seen_again"]) == (Verdict.INCONCLUSIVE, 1)
        assert "was not seen empty after them" in result.why
    assert only(judged(TotalQueue(drained=True), PUT)).message.endswith("but it was never dequeued.")


def test_a_dequeue_of_unknown_outcome_excuses_one_value() -> None:
    crashed = "5 invoke dequeue\n5 info dequeue\n"
    result = judged(TotalQueue(), PUT + crashed + EMPTY)
    assert (result.verdict, result.stats["maybe_taken"]) == (Verdict.INCONCLUSIVE, 1)
    two = judged(TotalQueue(), PUT + done(0, "enqueue", "8") + crashed + EMPTY)
    assert two.stats["lost"] == 1
    assert only(two).ops == (0, 1, 2, 3, 4, 5, 6, 7)
    assert only(two).message.endswith("One dequeue of unknown outcome can have taken 1 of 2 such values.")
    late = judged(TotalQueue(), PUT + EMPTY + crashed)
    assert late.verdict is Verdict.FAIL, "it was gone before that dequeue was invoked"


def test_a_drain_of_unknown_outcome_excuses_everything() -> None:
    text = PUT + done(0, "enqueue", "8") + "5 invoke drain\n" + EMPTY
    assert judged(TotalQueue(), text).stats["maybe_taken"] == 2


def test_duplicates() -> None:
    result = judged(TotalQueue(), PUT + done(1, "dequeue", "", "7") + done(2, "dequeue", "", "7"))
    assert only(result).message == (
        "7 was enqueued once and dequeued twice: first by process 1 at 4 ms, last by process 2 at 6 ms."
    )
    twice = judged(TotalQueue(), PUT + "3 invoke enqueue 7\n" + done(1, "drain", "", "[7,7]"))
    assert (twice.verdict, twice.stats["recovered"]) == (Verdict.PASS, 1)


def test_unexpected_values() -> None:
    failed = "3 invoke enqueue 5\n3 fail enqueue 5\n"
    result = judged(TotalQueue(), failed + done(1, "drain", "", "[5,6,7]") + PUT + done(2, "drain", "", "[]"))
    assert [anomaly.message for anomaly in result.anomalies if anomaly.type == "unexpected"] == [
        "Process 1 dequeued 5 at 4 ms, although its enqueue by process 3 had failed.",
        "Process 1 dequeued 6 at 4 ms, which nobody ever enqueued.",
        "Process 1 dequeued 7 at 4 ms, but process 0 enqueued it no earlier than 5 ms.",
    ]


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError, match="true or false"):
        TotalQueue(drained=1)  # type: ignore[arg-type]  # users write anything into a claims file
    for text, message in [
        (done(0, "enqueue"), "event 0: an enqueue needs a value"),
        (done(0, "drain", "", "7"), "event 1: a drain returns a list, not 7"),
        (done(0, "push", "7"), "event 0: a queue knows enqueue, dequeue and drain"),
    ]:
        with pytest.raises(HistoryError, match="^" + message):
            judged(TotalQueue(), text)


def test_nothing_is_inconclusive() -> None:
    assert judged(TotalQueue(), "").verdict is Verdict.INCONCLUSIVE
    assert judged(TotalQueue(), EMPTY).why == "no enqueue was acknowledged"
