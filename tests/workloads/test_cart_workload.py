"""The cart's schedule."""

from __future__ import annotations

from collections import Counter as Tally
from typing import Any

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.cart import Cart


def test_every_item_is_put_in_once_and_its_removal_goes_to_its_cart() -> None:
    ops = load(Cart(keys=3))
    added = {op.value: op.key for op in ops if op.f == "add"}
    removals = [op for op in ops if op.f == "remove"]
    assert len(added) == sum(op.f == "add" for op in ops)
    assert set(added.values()) == {0, 1, 2}
    assert removals and all(added.get(op.value, op.key) == op.key for op in removals)
    assert any(op.value in added for op in removals)


def test_in_the_end_every_worker_reads_every_cart() -> None:
    assert Tally((op.process, op.f, op.key) for op in ending(Cart(keys=3))) == {
        (process, "read", key): 1 for process in range(4) for key in range(3)
    }


@pytest.mark.parametrize("options", [{"keys": 0}, {"rate": 0}, {"mix": {"buy": 1}}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cart: "):
        Cart(**options)
