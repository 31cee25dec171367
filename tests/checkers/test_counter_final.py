"""Counters in the end: each acknowledged addition counts, once."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.counter_final import CounterFinal
from harness.checker import Budget
from harness.errors import HistoryError
from harness.operation import Type
from harness.verdict import Verdict
from tests.checkers.application import OUTCOMES, Did, told
from tests.checkers.lines import only


def add(at: int, number: Any, outcome: Type | None = Type.OK) -> Did:
    return Did(at, 5, "add", 3, number, number, outcome)


def read(at: int, number: Any) -> Did:
    return Did(at, 5, "read", 3, None, number)


def judge(*ops: Did) -> Any:
    return CounterFinal().check(told(ops, final_at=50), budget=Budget())


@pytest.mark.parametrize(("found", "kind"), [(4, "below-bounds"), (5, ""), (7, ""), (8, "above-bounds")])
def test_it_lies_between_what_is_sure_and_what_may_be(found: int, kind: str) -> None:
    result = judge(add(0, 5), add(1, 2, Type.INFO), add(2, 9, Type.FAIL), read(60, found))
    assert (only(result).type if kind else result.verdict) == (kind or Verdict.PASS)


@pytest.mark.parametrize(("found", "kind"), [(2, "below-bounds"), (3, ""), (5, ""), (6, "above-bounds")])
def test_what_may_have_been_taken_away_counts_downwards(found: int, kind: str) -> None:
    result = judge(add(0, 5), add(1, -2, None), read(60, found))
    assert (only(result).type if kind else result.verdict) == (kind or Verdict.PASS)


def test_before_the_end_it_may_be_late() -> None:
    assert judge(add(0, 5), read(20, 0), read(60, 5)).verdict is Verdict.PASS


def test_too_little_to_tell() -> None:
    assert judge(read(60, 0)).why == "nothing was added"
    assert judge(add(0, 5), read(20, 5)).why == "no final read was answered of 1 counter"


@pytest.mark.parametrize("op", [add(1, "5"), read(60, "5"), Did(1, 5, "pay", 3, 1)])
def test_bad_input_is_refused(op: Did) -> None:
    with pytest.raises(HistoryError, match="event "):
        judge(add(0, 5), op)


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from(OUTCOMES)), max_size=6), st.integers(-12, 12))
def test_it_blames_only_what_no_choice_of_the_unknown_comes_near_to(adds: list[tuple[int, Any]], found: int) -> None:
    result = judge(*(add(at, number, outcome) for at, (number, outcome) in enumerate(adds)), read(60, found))
    counts = {Type.OK: (1,), Type.FAIL: (0,)}
    sums = {
        sum(number * taken for (number, _), taken in zip(adds, choice, strict=True))
        for choice in product(*(counts.get(outcome, (0, 1)) for _, outcome in adds))
    }
    assert (result.verdict is Verdict.FAIL) is not (min(sums) <= found <= max(sums)), result.why
