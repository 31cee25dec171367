"""The set workload's schedule."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harness.errors import UsageError
from harness.experiment import checker_factory
from harness.generators import clients, limit, simulate
from harness.operation import Operation, Type
from workloads.ending import FINAL_TRIES
from workloads.set import Set


def asked(events: list[Operation]) -> list[Operation]:
    return [event for event in events if event.type is Type.INVOKE]


def played(count: int = 4_000, **options: Any) -> list[Operation]:
    return asked(simulate(clients(limit(count, Set(**options).generator())), concurrency=5, seed=3))


def test_it_adds_and_reads_every_set_in_the_shares_asked_for() -> None:
    ops = played(keys=3, mix={"add": 3, "read": 1})
    assert {op.key for op in ops} == {0, 1, 2}
    assert 0.7 < sum(op.f == "add" for op in ops) / len(ops) < 0.8
    assert {op.value for op in ops if op.f == "read"} == {None}


def test_no_element_is_added_twice() -> None:
    added = [op.value for op in played() if op.f == "add"]
    assert len(added) == len(set(added)) > 3000


def test_the_rate_is_that_of_all_workers_together() -> None:
    assert 18 < played(2_000, rate=100)[-1].time / 1e9 < 22


def test_in_the_end_every_worker_reads_every_set_and_does_not_try_for_ever() -> None:
    final = asked(simulate(clients(Set(keys=6).final()), concurrency=4))
    assert Counter((op.process, op.key, op.f) for op in final) == {
        (process, key, "read"): 1 for process in range(4) for key in range(6)
    }
    refused = simulate(
        clients(Set(keys=2).final()),
        concurrency=1,
        complete=lambda op: op._replace(type=Type.FAIL, time=op.time + 10),
    )
    assert Counter(op.key for op in asked(refused)) == {0: FINAL_TRIES, 1: FINAL_TRIES}


def test_whatever_it_expects_can_be_judged() -> None:
    for name in Set.expectations:
        checker_factory(name)(**Set().checker_options(name))
    assert Set().checker_options("linearizable") == {"model": "set"}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"keys": True}, "set: keys must be a whole number"),
        ({"rate": -1}, "set: rate must be a number"),
        ({"mix": {"add": 0}}, "set: mix must give a share above zero"),
    ],
)
def test_options_are_checked(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Set(**options)
