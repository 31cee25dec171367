"""The checkout's schedule."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.checkout import ON_SALE, STOCK, Checkout


def test_no_order_is_placed_twice_and_every_item_is_asked_for_more_than_there_is() -> None:
    ops = load(Checkout(items=100))
    orders = [op for op in ops if op.f == "order"]
    assert len({op.value["id"] for op in orders}) == len(orders) > 0.85 * len(ops)
    asked = Counter[Any]()
    for op in orders:
        asked[op.key] += op.value["units"]
    whole = [asked[item] for item in range(ON_SALE, 95)]
    assert 1.2 * STOCK < sum(whole) / len(whole) < 1.5 * STOCK
    assert {op.value["units"] for op in orders} == {1, 2, 3, 4, 5}


def test_a_few_items_are_on_sale_at_a_time_and_it_begins_again() -> None:
    ops = load(Checkout(items=10), 400)
    assert {op.key for op in ops[:19]} <= set(range(ON_SALE))
    assert {op.key for op in ops[200:219]} <= set(range(ON_SALE + 1))


def test_in_the_end_every_worker_reads_the_books_of_every_item() -> None:
    assert Counter((op.process, op.f, op.key) for op in ending(Checkout(items=6))) == {
        (process, "read", item): 1 for process in range(4) for item in range(6)
    }


@pytest.mark.parametrize("options", [{"items": 4}, {"rate": 0}, {"mix": {"order": 0}}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="checkout: "):
        Checkout(**options)
