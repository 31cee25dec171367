"""The schedules of chats, timelines and orders."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.chat import Chat
from workloads.orders import Orders
from workloads.timeline import Timeline

FEEDS = [(Chat, "send"), (Timeline, "post"), (Orders, "order")]


@pytest.mark.parametrize(("make", "add"), FEEDS)
def test_nothing_is_added_twice_and_both_come_in_the_shares_asked_for(make: Any, add: str) -> None:
    ops = load(make(keys=3, mix={add: 3, "read": 1}))
    added = [op.value for op in ops if op.f == add]
    assert len(set(added)) == len(added) and 0.7 < len(added) / len(ops) < 0.8
    assert {op.key for op in ops} == {0, 1, 2}


@pytest.mark.parametrize(("make", "add"), FEEDS)
def test_in_the_end_every_worker_reads_everything(make: Any, add: str) -> None:
    assert Counter((op.process, op.f, op.key) for op in ending(make(keys=3))) == {
        (process, "read", key): 1 for process in range(4) for key in range(3)
    }


@pytest.mark.parametrize(("make", "add"), FEEDS)
def test_options_are_checked(make: Any, add: str) -> None:
    for options in ({"keys": 0}, {"rate": None}, {"mix": {add: -1}}):
        with pytest.raises(UsageError, match=f"{make.name}: "):
            make(**options)
