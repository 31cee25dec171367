"""The shop's schedule: the catalog's and the checkout's, side by side."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.catalog import Catalog
from workloads.checkout import PER_ITEM, STOCK, Checkout
from workloads.shop import Shop


def parts(ops: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"browse": [], "checkout": []}
    for op in ops:
        flow, _, key = str(op.key).partition("/")
        found[flow].append(op._replace(key=int(key)))
    return found


def test_both_flows_run_at_their_shares_of_the_rate() -> None:
    ops = load(Shop(rate=100, mix={"browse": 3, "checkout": 1}))
    assert 0.7 < len(parts(ops)["browse"]) / len(ops) < 0.8
    assert 80 < len(ops) / (ops[-1].time / 1e9) < 120


def test_each_flow_is_what_its_workload_does_alone() -> None:
    found = parts(load(Shop(products=20, items=100), 4_000))
    assert {op.f for op in found["browse"]} == {"read", "write"} and {op.key for op in found["browse"]} == {*range(20)}
    orders = [op for op in found["checkout"] if op.f == "order"]
    assert {op.f for op in found["checkout"]} == {"order", "read"}
    assert len({op.value["id"] for op in orders}) == len(orders)
    asked = Counter[int]()
    for op in orders:
        asked[op.key] += op.value["units"]
    sold = [asked[item] for item in range(5, len(found["checkout"]) // PER_ITEM - 5)]
    assert 1.2 * STOCK < sum(sold) / len(sold) < 1.5 * STOCK, "the shelf moves on with the orders, not with the visits"


def test_in_the_end_every_worker_reads_every_product_and_all_books() -> None:
    found = Counter((op.process, op.f, op.key) for op in ending(Shop(products=3, items=5)))
    keys = [*(f"browse/{key}" for key in range(3)), *(f"checkout/{key}" for key in range(5))]
    assert found == {(process, "read", key): 1 for process in range(4) for key in keys}


def test_what_only_one_part_knows_is_of_its_flow() -> None:
    shop = Shop()
    assert shop.checker_options("no_oversell") == {"flow": "checkout", "stock": STOCK}
    assert shop.checker_options("linearizable") == {"flow": "browse", "model": "register"}
    for both in ("availability", "recovers", "converges"):
        assert shop.checker_options(both) == {}
    assert {*shop.expectations} == {*Catalog.expectations, *Checkout.expectations}


@pytest.mark.parametrize("options", [{"rate": 0}, {"mix": {"browse": 1}}, {"mix": {"browse": 1, "checkout": 0}}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="shop: "):
        Shop(**options)


@pytest.mark.parametrize(("options", "whose"), [({"products": 0}, "catalog"), ({"items": 1}, "checkout")])
def test_the_parts_check_theirs(options: dict[str, Any], whose: str) -> None:
    with pytest.raises(UsageError, match=f"{whose}: "):
        Shop(**options)
