"""G2 on predicates."""

from __future__ import annotations

import pytest

from checkers.adya import AdyaG2
from harness.errors import HistoryError
from harness.verdict import Verdict
from tests.checkers.lines import done, judged, only

REFUSED = "1 invoke insert [3,[null,2]]\n1 fail insert [3,[null,2]]\n"


def test_one_of_two() -> None:
    result = judged(AdyaG2(), done(0, "insert", "[3,[1,null]]") + REFUSED)
    assert (result.verdict, result.why) == (Verdict.PASS, "none of 1 contended key was inserted twice")


def test_both() -> None:
    result = judged(AdyaG2(), done(0, "insert", "[3,[1,null]]") + done(1, "insert", "[3,[null,2]]"))
    assert (only(result).type, only(result).ops) == ("G2-predicate", (0, 1, 2, 3))
    assert only(result).message == (
        "Two inserts for key 3 were acknowledged, to process 0 at 2 ms and to process 1 at 4 ms, though each was to be "
        "made only if there was none."
    )


def test_keyed_histories() -> None:
    text = done(0, "insert@a", "[1,null]") + done(1, "insert@b", "[null,2]")
    assert judged(AdyaG2(), text).verdict is Verdict.INCONCLUSIVE
    assert judged(AdyaG2(), text + done(2, "insert@b", "[4,null]")).verdict is Verdict.FAIL


def test_too_little() -> None:
    unknown = "1 invoke insert [3,[null,2]]\n1 info insert [3,[null,2]]\n"
    for text in ("", REFUSED, REFUSED + unknown, done(0, "insert", "[3,[1,null]]")):
        assert judged(AdyaG2(), text).verdict is Verdict.INCONCLUSIVE
    assert judged(AdyaG2(), done(0, "insert", "[3,[1,null]]") + unknown).verdict is Verdict.PASS


@pytest.mark.parametrize("value", ["[3,[1,2]]", "[3,[null,null]]", "[3]", "7", "null", "[3,[1,null],4]"])
def test_other_histories_are_refused(value: str) -> None:
    with pytest.raises(HistoryError, match=r"^event 0: an insert needs the value"):
        judged(AdyaG2(), done(0, "insert", value))
