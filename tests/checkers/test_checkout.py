"""The checkout: what is sold, and what is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.checkout import NoLostOrder, NoOversell
from harness.checker import Budget
from harness.errors import HistoryError, UsageError
from harness.operation import Type
from harness.verdict import Verdict
from tests.checkers.application import OUTCOMES, Did, told
from tests.checkers.lines import only

BUDGET = Budget()


def order(at: int, id: int, units: int, outcome: Type | None = Type.OK, item: int = 3) -> Did:
    value = {"id": id, "units": units}
    return Did(at, 5, "order", item, value, value, outcome)


def read(at: int, *orders: tuple[int, int], item: int = 3, node: str = "n1") -> Did:
    return Did(at, 5, "read", item, None, {"left": 0, "orders": [list(each) for each in orders]}, node=node)


def oversell(*ops: Did, stock: int = 3) -> Any:
    return NoOversell(stock=stock).check(told(ops), budget=BUDGET)


def lost(*ops: Did, final_at: int = 50) -> Any:
    return NoLostOrder().check(told(ops, final_at=final_at), budget=BUDGET)


def test_more_is_sold_than_there_was() -> None:
    result = oversell(order(0, 7, 2), order(10, 8, 1), order(20, 9, 2))
    assert only(result).message == (
        "item 3: 5 units were sold in 3 orders, but there were only 3; 2 units cannot be delivered"
    )
    assert only(result).ops == (0, 1, 4, 5), "the two larger orders prove it"
    assert (result.stats["units_sold"], result.stats["units_oversold"], result.stats["oversold"]) == (5, 2, 1)


def test_what_is_there_may_be_sold_to_the_last_unit() -> None:
    result = oversell(order(0, 7, 2), order(10, 8, 1), order(20, 9, 2, Type.FAIL))
    assert (result.verdict, result.stats["turned_away"]) == (Verdict.PASS, 1)
    assert result.why == "3 units of 1 item were sold, and no more than there were"


def test_customers_are_turned_away_for_want_of_stock_or_for_no_good_reason() -> None:
    refused = order(20, 9, 2, Type.FAIL)
    ops = [order(0, 7, 2), order(10, 8, 2, Type.INFO), refused, order(30, 10, 1, None), read(40, (7, 2), (8, 2))]
    stats = oversell(*ops, stock=9).stats
    assert (stats["turned_away"], stats["sold_out"]) == (2, 0), "8 stands in the books"
    with_reason = [op._replace(error={"current": -38}) if op is refused else op for op in ops]
    stats = oversell(*with_reason, stock=9).stats
    assert (stats["turned_away"], stats["sold_out"]) == (1, 1)


def test_without_an_answer_the_books_decide() -> None:
    doubtful = [order(0, 7, 2), order(10, 8, 2, Type.INFO), order(20, 9, 2, None)]
    assert oversell(*doubtful).verdict is Verdict.PASS
    result = oversell(*doubtful, read(30, (7, 2), (8, 2)))
    assert only(result).ops == (0, 1, 2, 3, 5, 6), "with the read that found the order in the books"


def test_an_order_is_lost() -> None:
    result = lost(order(0, 7, 2), read(60, (7, 2), node="n2"), read(70, node="n4"))
    assert only(result).message == (
        "order 7 of item 3 was acknowledged at 0.005 s, but in the end it is not in the books (read on n4 at 0.075 s)"
    )
    assert only(result).key == "3"


def test_one_that_came_late_is_not() -> None:
    result = lost(order(0, 7, 2), read(20), read(60), read(70, (7, 2)))
    assert result.verdict is Verdict.PASS
    assert result.why == "each of 1 acknowledged order is in the books once, by 2 final reads"


def test_what_the_books_hold_too_much() -> None:
    assert "twice in the books" in only(lost(order(0, 7, 2), read(60, (7, 2), (7, 2)))).message
    assert "was refused" in only(lost(order(0, 7, 2), order(9, 8, 1, Type.FAIL), read(60, (7, 2), (8, 1)))).message
    assert "nobody had placed it" in only(lost(order(0, 7, 2), read(60, (7, 2), (5, 1)))).message
    assert "nobody had placed it" in only(lost(order(0, 7, 2), read(60, (7, 2)), read(65, (7, 2), item=4))).message
    assert "the books say 4" in only(lost(order(0, 7, 2), read(60, (7, 4)))).message


def test_too_little_to_tell() -> None:
    assert oversell().why == "nothing was sold"
    assert lost(read(60)).why == "no order was acknowledged"
    assert lost(order(0, 7, 2), read(20, (7, 2))).why == (
        "no final read was answered of 1 item with acknowledged orders"
    )


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError, match="no_oversell: stock"):
        NoOversell(stock=-1)
    for ops, message in [
        ([order(0, 7, -2)], "event 1: an order needs the value"),
        ([order(0, 7, 2), order(9, 7, 1)], "event 3: order 7 was placed before"),
        ([read(0)._replace(got=[1])], "event 1: a read of a shop returns"),
        ([Did(0, 1, "buy", 3, None)], "event 0: there is no operation 'buy' here, but order, read"),
    ]:
        with pytest.raises(HistoryError, match=message):
            oversell(*ops)


@st.composite
def histories(draw: st.DrawFn) -> list[Did]:
    """Orders of two items, and reads that find some orders, also wrong ones."""
    ops: list[Did] = []
    for id, start in enumerate(draw(st.lists(st.integers(0, 60), unique=True, max_size=9))):
        item, outcome = draw(st.integers(0, 1)), draw(st.sampled_from(OUTCOMES))
        if draw(st.booleans()):
            value = {"id": id, "units": draw(st.integers(0, 3))}
            ops.append(Did(start, draw(st.integers(1, 20)), "order", item, value, value, outcome))
        else:
            placed = [op.asked for op in ops if op.f == "order" and (op.key == item or draw(st.integers(0, 9)) == 0)]
            found = draw(st.lists(st.sampled_from(placed), max_size=4)) if placed else []
            orders = [[each["id"], each["units"] + (draw(st.integers(0, 19)) == 0)] for each in found]
            ops.append(Did(start, draw(st.integers(1, 20)), "read", item, None, {"orders": orders}, outcome))
    return ops


@given(histories(), st.integers(0, 6))
def test_oversold_is_what_the_definition_says(ops: list[Did], stock: int) -> None:
    orders = [op for op in ops if op.f == "order"]
    in_books = {id for op in ops if op.f == "read" and op.outcome is Type.OK for id, _ in op.got["orders"]}

    def sold(op: Did) -> bool:
        return op.outcome is Type.OK or (op.outcome is not Type.FAIL and op.asked["id"] in in_books)

    units = {item: sum(op.asked["units"] for op in orders if op.key == item and sold(op)) for item in (0, 1)}
    result = oversell(*ops, stock=stock)
    assert {anomaly.key for anomaly in result.anomalies} == {str(item) for item in units if units[item] > stock}
    assert result.stats["units_oversold"] == sum(max(0, each - stock) for each in units.values())
    for anomaly in result.anomalies:
        again = NoOversell(stock=stock).check(told(ops).select(anomaly.ops), budget=BUDGET)
        assert again.verdict is Verdict.FAIL, "what is told proves it"


@given(histories())
def test_lost_and_unwanted_is_what_the_definition_says(ops: list[Did]) -> None:
    reads = [op for op in ops if op.f == "read" and op.outcome is Type.OK]
    lost_ids, doubled, unwanted = set(), 0, 0
    for op in (each for each in ops if each.f == "order" and each.outcome is Type.OK):
        of_item = [read for read in reads if read.key == op.key and read.start > 30]
        has = {id(read): op.asked["id"] in [one for one, _ in read.got["orders"]] for read in of_item}
        lacking = [read for read in of_item if not has[id(read)]]
        if lacking and not any(has[id(read)] and read.end > max(one.start for one in lacking) for read in of_item):
            lost_ids.add(op.asked["id"])
    placed = {op.asked["id"]: op for op in ops if op.f == "order"}
    for read in reads:
        for place, (number, units) in enumerate(read.got["orders"]):
            doubled += number in [one for one, _ in read.got["orders"][:place]]
            op = placed[number]
            wrong = op.outcome is Type.FAIL or op.key != read.key or op.start >= read.end or op.asked["units"] != units
            unwanted += wrong
    ordered = sorted(ops, key=lambda op: op.start)
    result = NoLostOrder().check(told(ordered, final_at=30.5), budget=BUDGET)
    assert result.stats["lost_order"] == len(lost_ids)
    assert (result.stats["doubled_order"], result.stats["unwanted_order"]) == (doubled, unwanted)
