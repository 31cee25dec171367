"""Causal reverse."""

from __future__ import annotations

import pytest

from checkers.causal_reverse import CausalReverse
from harness.errors import HistoryError
from harness.verdict import Verdict
from tests.checkers.lines import done, judged, only

WRITES = done(0, "write", "1") + done(1, "write", "2")


def test_in_order() -> None:
    for seen in ("[]", "[1]", "[2,1]"):
        result = judged(CausalReverse(), WRITES + done(2, "read", "", seen))
        assert (result.verdict, result.why) == (
            Verdict.PASS,
            "no read of 1 contradicts the order of 2 acknowledged writes",
        )


def test_the_later_without_the_earlier() -> None:
    result = judged(CausalReverse(), WRITES + done(2, "read", "", "[2]"))
    assert only(result).message == (
        "Process 2 read 2 at 6 ms without 1, whose write by process 0 was acknowledged at 2 ms, before process 1 wrote "
        "2 at 3 ms."
    )
    assert only(result).ops == (0, 1, 2, 3, 4, 5)


def test_concurrent_and_indeterminate_writes_have_no_order() -> None:
    concurrent = "0 invoke write 1\n1 invoke write 2\n0 ok write 1\n1 ok write 2\n"
    crashed = "0 invoke write 1\n0 info write 1\n" + done(1, "write", "2")
    for writes in (concurrent, crashed):
        assert judged(CausalReverse(), writes + done(2, "read", "", "[2]")).verdict is Verdict.PASS


def test_values_from_nowhere() -> None:
    failed = "4 invoke write 3\n4 fail write 3\n"
    result = judged(CausalReverse(), WRITES + failed + done(2, "read", "", "[1,3,4]"))
    assert [(anomaly.type, anomaly.ops) for anomaly in result.anomalies] == [
        ("aborted-read", (4, 5, 6, 7)),
        ("thin-air", (6, 7)),
    ]


def test_too_little() -> None:
    for text in ("", WRITES, done(2, "read", "", "[]")):
        assert judged(CausalReverse(), text).verdict is Verdict.INCONCLUSIVE


def test_other_histories_are_refused() -> None:
    with pytest.raises(HistoryError, match=r"^event 4: 1 is written a second time"):
        judged(CausalReverse(), WRITES + done(2, "write", "1"))
    with pytest.raises(HistoryError, match=r"^event 1: a read returns a list of values, not 1"):
        judged(CausalReverse(), done(2, "read", "", "1"))
