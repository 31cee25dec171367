"""The cart: what is lost, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.cart import Cart
from harness.checker import Budget
from harness.errors import HistoryError
from harness.operation import Type
from harness.verdict import Verdict
from tests.checkers.application import OUTCOMES, Did, told
from tests.checkers.lines import only


def add(at: int, item: int, outcome: Type | None = Type.OK) -> Did:
    return Did(at, 5, "add", 3, item, item, outcome)


def remove(at: int, item: int, outcome: Type | None = Type.OK, *, found: bool = True) -> Did:
    return Did(at, 5, "remove", 3, item, item if found else None, outcome)


def read(at: int, *items: int) -> Did:
    return Did(at, 5, "read", 3, None, list(items))


def judge(*ops: Did) -> Any:
    return Cart().check(told(ops, final_at=50), budget=Budget())


def test_what_was_taken_out_stays_out() -> None:
    assert judge(add(0, 7), remove(10, 7), read(60)).verdict is Verdict.PASS
    result = judge(add(0, 7), remove(10, 7), read(60, 7))
    assert only(result).type == "came-back"
    assert only(result).ops == (0, 1, 2, 3, 6, 7)


def test_what_was_put_in_stays_in() -> None:
    assert only(judge(add(0, 7), read(60))).type == "lost"
    assert only(judge(add(0, 7), remove(10, 7, found=False), read(60))).type == "lost"
    assert judge(add(0, 7), read(20), read(60, 7)).verdict is Verdict.PASS, "until the end it may be late"


@pytest.mark.parametrize("outcome", [Type.INFO, None])
def test_what_nobody_knows_excuses_either(outcome: Type | None) -> None:
    for found in ([], [7]):
        assert judge(add(0, 7), add(1, 8), remove(10, 7, outcome), read(60, 8, *found)).verdict is Verdict.PASS
        assert judge(add(0, 7, outcome), add(1, 8), read(60, 8, *found)).verdict is Verdict.PASS


def test_nothing_is_there_twice_or_unasked() -> None:
    assert only(judge(add(0, 7), read(60, 7, 7))).type == "doubled"
    assert only(judge(add(0, 7), add(1, 8, Type.FAIL), read(60, 7, 8))).type == "unexpected"
    assert only(judge(add(0, 7), read(60, 7, 9))).type == "unexpected"


def test_too_little_to_tell() -> None:
    assert judge(read(60)).why == "nothing was put in"
    assert judge(add(0, 7)).why == "no final read was answered of 1 cart with items"


@pytest.mark.parametrize("op", [add(1, 7), add(1, "x"), Did(1, 5, "pay", 3, 1), Did(1, 5, "read", 3, None, 7)])  # type: ignore[arg-type]
def test_bad_input_is_refused(op: Did) -> None:
    with pytest.raises(HistoryError, match="event "):
        judge(add(0, 7), op)


@given(
    st.dictionaries(st.integers(0, 3), st.sampled_from(OUTCOMES), min_size=1),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(OUTCOMES), st.booleans()), max_size=4),
    st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=3),
)
def test_it_agrees_with_asking_of_each_read_which_carts_are_possible(
    added: dict[int, Any], removed: list[tuple[int, Any, bool]], reads: list[list[int]]
) -> None:
    ops = [add(at, item, outcome) for at, (item, outcome) in enumerate(added.items())]
    ops += [remove(10 + at, item, outcome, found=found) for at, (item, outcome, found) in enumerate(removed)]
    ops += [read(60 + at, *found) for at, found in enumerate(reads)]

    def possible(item: int, times: int) -> bool:
        outcome = added.get(item, Type.FAIL)
        gone = any(one == item and end is Type.OK and found for one, end, found in removed)
        perhaps = gone or any(one == item and end in (Type.INFO, None) for one, end, _ in removed)
        if times:
            return times == 1 and outcome is not Type.FAIL and not gone
        return perhaps or outcome is not Type.OK

    right = all(possible(item, found.count(item)) for found in reads for item in range(5))
    result = judge(*ops)
    assert (result.verdict is Verdict.FAIL) is not right, result.why
    if right:
        assert result.verdict is (Verdict.PASS if Type.OK in added.values() else Verdict.INCONCLUSIVE)
