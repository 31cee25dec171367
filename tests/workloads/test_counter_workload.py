"""The counter's schedule."""

from __future__ import annotations

from collections import Counter as Tally
from typing import Any

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.counter import Counter


def test_it_adds_and_reads_every_counter_in_the_shares_asked_for() -> None:
    ops = load(Counter(keys=3, most=2, mix={"add": 3, "read": 1}))
    assert {op.key for op in ops} == {0, 1, 2}
    assert 0.7 < sum(op.f == "add" for op in ops) / len(ops) < 0.8
    assert {op.value for op in ops if op.f == "add"} == {1, 2}
    assert {op.value for op in load(Counter()) if op.f == "add"} == {1}


def test_in_the_end_every_worker_reads_every_counter() -> None:
    assert Tally((op.process, op.f, op.key) for op in ending(Counter(keys=3))) == {
        (process, "read", key): 1 for process in range(4) for key in range(3)
    }


@pytest.mark.parametrize("options", [{"keys": 0}, {"most": 0}, {"rate": 0}, {"mix": {"add": 0}}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="counter: "):
        Counter(**options)
