"""The append workload: its schedule, and that its own checker takes what it asks for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from checkers.isolation import NAMED
from harness.errors import UsageError
from harness.experiment import checker_factory
from harness.generators import clients, limit, simulate
from harness.operation import Operation, Type
from workloads.append import Append


class Store:
    """Lists that answer at once; `complete` is a completion function for `simulate`."""

    def __init__(self) -> None:
        self.lists: dict[int, list[int]] = {}

    def complete(self, op: Operation) -> Operation:
        done = [self._step(*step) for step in op.value]
        return op._replace(type=Type.OK, time=op.time + 10, value=done)

    def _step(self, f: str, key: int, element: Any) -> list[Any]:
        values = self.lists.setdefault(key, [])
        if f == "append":
            values.append(element)
            return [f, key, element]
        return [f, key, list(values)]


def played(count: int = 3_000, concurrency: int = 5, **options: Any) -> list[Operation]:
    workload = Append(concurrency=concurrency, **options)
    return simulate(
        clients(limit(count, workload.generator())), concurrency=concurrency, complete=Store().complete, seed=3
    )


def asked(events: list[Operation]) -> list[Operation]:
    return [event for event in events if event.type is Type.INVOKE]


def test_transactions_of_every_length_use_every_key_in_the_shares_asked_for() -> None:
    ops = asked(played(keys=7, length=3, mix={"r": 3, "append": 1}))
    assert {op.f for op in ops} == {"txn"}
    lengths = Counter(len(op.value) for op in ops)
    assert set(lengths) == {1, 2, 3} and min(lengths.values()) > 800
    steps = [step for op in ops for step in op.value]
    assert {key for _, key, _ in steps} == set(range(7))
    assert 0.7 < sum(f == "r" for f, _, _ in steps) / len(steps) < 0.8
    assert all(element is None for f, _, element in steps if f == "r")


def test_no_element_is_appended_twice() -> None:
    elements = [element for op in asked(played()) for f, _, element in op.value if f == "append"]
    assert len(elements) == len(set(elements)) > 3000


def test_the_rate_is_that_of_all_workers_together_and_equal_seeds_give_equal_loads() -> None:
    ops = asked(played(2_000, rate=100))
    assert 18 < ops[-1].time / 1e9 < 22
    assert played(300) == played(300)


def test_in_the_end_every_worker_reads_every_list() -> None:
    ops = asked(simulate(clients(Append(keys=6).final()), concurrency=4))
    assert Counter((op.process, *op.value[0]) for op in ops) == {
        (process, "r", key, None): 1 for process in range(4) for key in range(6)
    }


def test_whatever_it_expects_can_be_judged() -> None:
    for name in Append.expectations:
        checker_factory(name)(**Append().checker_options(name))
    assert Append().checker_options(NAMED[0]) == {"model": "list-append"}
    assert Append().checker_options("availability") == {}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"keys": 0}, "append: keys must be a whole number"),
        ({"length": 65}, "append: length must be a whole number from 1 to 64, not 65"),
        ({"rate": float("nan")}, "append: rate must be a number"),
        ({"mix": {"read": 1}}, "append: mix must give shares to one or several of r, append"),
    ],
)
def test_options_are_checked(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Append(**options)
