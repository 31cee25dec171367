"""The schedule of transactions on registers."""

from __future__ import annotations

from typing import Any

import pytest

from checkers.isolation import read_committed, serializable
from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.txn import Txn


def test_no_value_is_written_twice_and_no_key_twice_by_one_transaction() -> None:
    ops = load(Txn(keys=3, length=5))
    writes = [(key, value) for op in ops for f, key, value in op.value if f == "w"]
    assert len({value for _, value in writes}) == len(writes) > 1_000
    for op in ops:
        written = [key for f, key, _ in op.value if f == "w"]
        assert len(set(written)) == len(written)
    assert {len(op.value) for op in ops} == {1, 2, 3, 4, 5}


def test_in_the_end_every_register_is_read() -> None:
    assert [op.value for op in ending(Txn(keys=2), workers=1)] == [[["r", 0, None]], [["r", 1, None]]]


def test_what_is_assumed_of_the_strictest_level_is_assumed_of_no_other() -> None:
    assert Txn().checker_options("strict-serializable") == {"model": "rw-register", "linearizable_keys": True}
    assert Txn().checker_options("serializable") == {"model": "rw-register"}
    assert serializable(model="rw-register", linearizable_keys=True).linearizable_keys
    with pytest.raises(UsageError, match="an assumption about rw-register"):
        read_committed(linearizable_keys=True)


@pytest.mark.parametrize("options", [{"keys": 0}, {"length": 0}, {"mix": {"append": 1}}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="txn: "):
        Txn(**options)
