"""The queue's schedule."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import pytest

from harness.errors import UsageError
from harness.operation import Operation, Type
from tests.workloads.schedules import ending, load, refuse
from workloads.ending import FINAL_TRIES
from workloads.queue import Queue


class Waiting:
    """Queues that hold something and answer at once; `complete` is a completion function for `simulate`."""

    def __init__(self, *sizes: int) -> None:
        self.elements = [deque(range(size)) for size in sizes]

    def complete(self, op: Operation) -> Operation:
        queue = self.elements[int(op.key or 0)]
        return op._replace(type=Type.OK, time=op.time + 10, value=queue.popleft() if queue else None)


def test_no_element_is_enqueued_twice_and_both_come_in_the_shares_asked_for() -> None:
    ops = load(Queue(keys=3, mix={"enqueue": 1, "dequeue": 3}))
    enqueued = [op.value for op in ops if op.f == "enqueue"]
    assert len(enqueued) == len(set(enqueued)) and 0.2 < len(enqueued) / len(ops) < 0.3
    assert {op.key for op in ops} == {0, 1, 2}


def test_in_the_end_every_queue_is_emptied_and_found_empty_by_every_worker() -> None:
    waiting = Waiting(7, 0)
    ops = ending(Queue(keys=2), complete=waiting.complete)
    assert not any(waiting.elements)
    assert {(op.process, op.key) for op in ops} == {(process, key) for process in range(4) for key in range(2)}
    assert Counter(op.key for op in ops) == {0: 7 + 4, 1: 4}


def test_it_does_not_try_for_ever() -> None:
    assert Counter(op.key for op in ending(Queue(keys=2), complete=refuse, workers=1)) == {
        0: FINAL_TRIES,
        1: FINAL_TRIES,
    }


@pytest.mark.parametrize("options", [{"keys": True}, {"rate": "fast"}, {"mix": {"drain": 1}}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="queue: "):
        Queue(**options)
