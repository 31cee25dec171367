"""Stale reads, counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.stale_reads import StaleReads
from harness.checker import Budget
from harness.errors import HistoryError, UsageError
from harness.operation import Type
from harness.verdict import Verdict
from tests.checkers.application import OUTCOMES, Did, told
from tests.checkers.lines import only

OK, FAIL, INFO = Type.OK, Type.FAIL, Type.INFO


def write(start: int, value: Any, outcome: Type | None = OK, took: int = 5, key: int = 3) -> Did:
    return Did(start, took, "write", key, value, value, outcome)


def read(start: int, value: Any, took: int = 5, key: int = 3) -> Did:
    return Did(start, took, "read", key, None, value)


def judged(*ops: Did, max: float = 0) -> Any:
    return StaleReads(max=max).check(told(sorted(ops, key=lambda op: op.start)), budget=Budget())


def test_a_read_of_an_overwritten_value_is_stale() -> None:
    result = judged(write(0, 1), write(10, 2), read(20, 1))
    assert only(result).ops == (0, 1, 2, 3, 4, 5) and only(result).key == "3"
    assert only(result).message == (
        "the read of 3 on n1 at 0.020 s returned what had been overwritten: a later write was acknowledged at 0.015 s"
    )
    assert result.stats == {"reads": 1, "stale": 1, "share": 1.0}


def test_before_the_first_write_there_is_nothing_and_after_it_nothing_is_stale() -> None:
    assert judged(read(0, None), write(10, 1)).verdict is Verdict.PASS
    assert only(judged(write(0, 1), read(10, None))).ops == (0, 1, 2, 3)


@pytest.mark.parametrize(
    "ops",
    [
        (write(0, 1), write(10, 2, took=15), read(20, 1)),  # the second write was not acknowledged yet
        (write(0, 1), write(10, 2, INFO), read(20, 1)),
        (write(0, 1), write(10, 2, FAIL), read(20, 1)),
        (write(0, 1, took=12), write(10, 2), read(20, 1)),  # concurrent: either may be the later
        (write(0, 1, INFO), write(10, 2), read(20, 1)),  # may have taken effect late
        (write(0, 1), write(10, 2), write(20, 1), read(30, 1)),  # which of the two was read?
        (write(0, 1), write(10, 2, key=4), read(20, 1)),
        (write(0, 1), write(10, 2), read(20, 9)),  # nobody wrote it: no matter of age
    ],
    ids=range(8),
)
def test_what_is_not_certain_is_not_counted(ops: tuple[Did, ...]) -> None:
    assert judged(*ops).stats["stale"] == 0


def test_a_compare_and_set_writes_its_second_value() -> None:
    change = Did(10, 5, "cas", 3, [1, 2], [1, 2])
    assert judged(write(0, 1), change, read(20, 1)).stats["stale"] == 1
    assert judged(write(0, 1), change, read(20, 2)).stats["stale"] == 0
    assert judged(write(0, 1), change._replace(outcome=FAIL), read(20, 1)).stats["stale"] == 0


def test_a_share_may_be_promised() -> None:
    ops = [write(0, 1), write(10, 2), *(read(20 + at, 1 if at < 10 else 2) for at in range(0, 100, 10))]
    assert judged(*ops, max=0.1).verdict is Verdict.PASS
    assert judged(*ops, max=0.09).why.startswith("1 of 10 reads were stale, promised: at most 9 %; the read of 3")


def test_nothing_read_proves_nothing_and_what_is_no_register_is_refused() -> None:
    assert judged(write(0, 1)).verdict is Verdict.INCONCLUSIVE
    with pytest.raises(HistoryError, match="there is no operation 'order' here"):
        judged(Did(0, 5, "order", 3, {"id": 1}))
    with pytest.raises(HistoryError, match=r"a cas needs the value \[from, to\]"):
        judged(Did(0, 5, "cas", 3, 7, 7))


@pytest.mark.parametrize("max", [-0.1, 1.1, True, "1%", None])
def test_options_are_checked(max: Any) -> None:
    with pytest.raises(UsageError, match="stale_reads: max is a share"):
        StaleReads(max=max)


@st.composite
def histories(draw: st.DrawFn) -> list[Did]:
    ops: list[Did] = []
    for place in range(draw(st.integers(0, 12))):
        start, took = 4 * place, draw(st.sampled_from([1, 6, 15, 30]))
        if draw(st.booleans()):
            ops.append(write(start, draw(st.integers(0, 4)), draw(st.sampled_from([OK, OK, *OUTCOMES])), took))
        else:
            ops.append(read(start, draw(st.sampled_from([None, 0, 1, 2, 3, 4, 5])), took))
    return ops


@given(histories())
def test_it_counts_what_the_definition_says(ops: list[Did]) -> None:
    def is_stale(one: Did) -> bool:
        writers = [w for w in ops if w.f == "write" and w.asked == one.got and w.outcome is not FAIL]
        if len(writers) != (0 if one.got is None else 1):
            return False
        wrote = writers[0].end if writers else -1
        return any(
            over.f == "write" and over.outcome is OK and over.end < one.start and over.start > wrote for over in ops
        )

    reads = [op for op in ops if op.f == "read"]
    assert judged(*ops).stats.get("stale", 0) == sum(map(is_stale, reads))
