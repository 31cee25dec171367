"""The schedule of a broadcast."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.broadcast import Broadcast


def test_no_value_is_given_twice_and_all_is_read_at_every_node() -> None:
    ops = load(Broadcast(mix={"add": 1, "read": 3}))
    added = [op.value for op in ops if op.f == "add"]
    assert len(set(added)) == len(added) and 0.2 < len(added) / len(ops) < 0.3
    assert {op.key for op in ops} == {"all"}
    assert sorted((op.process, op.f) for op in ending(Broadcast())) == [(process, "read") for process in range(4)]


def test_options_are_checked() -> None:
    with pytest.raises(UsageError, match="broadcast: rate"):
        Broadcast(rate=0)
