"""The lock workload: who releases what, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import UsageError
from harness.experiment import checker_factory
from harness.generators import clients, limit, simulate
from harness.operation import Operation, Type
from workloads.lock import Lock


class Locks:
    """Locks that answer at once; `complete` is a completion function for `simulate`."""

    def __init__(self) -> None:
        self.held: dict[Any, Any] = {}

    def complete(self, op: Operation) -> Operation:
        done = op._replace(type=Type.OK, time=op.time + 10)
        holder = self.held.get(op.key)
        if holder != (None if op.f == "acquire" else op.value):
            return done._replace(type=Type.FAIL, error={"current": holder})
        self.held[op.key] = op.value if op.f == "acquire" else None
        return done


def played(complete: Callable[[Operation], Operation], count: int = 2_000, keys: int = 3) -> list[Operation]:
    load = clients(limit(count, Lock(keys=keys, concurrency=5).generator()))
    return simulate(load, concurrency=5, complete=complete, seed=3)


def asked(events: list[Operation]) -> list[Operation]:
    return [event for event in events if event.type is Type.INVOKE]


def test_whoever_acquired_a_lock_releases_it_next() -> None:
    events = played(Locks().complete)
    holds: dict[int, tuple[Any, Any]] = {}
    for event in events:
        thread = (event.process or 0) % 5
        if event.type is Type.INVOKE:
            if event.f == "release":
                assert holds.pop(thread) == (event.key, event.value)
            else:
                assert thread not in holds
        elif event.type is Type.OK and event.f == "acquire":
            holds[thread] = (event.key, event.value)
    assert sum(event.type is Type.OK and event.f == "release" for event in events) > 500
    assert sum(event.type is Type.FAIL for event in events) > 100, "three locks for five workers must be contended"


def test_no_token_is_used_by_two_acquires() -> None:
    tokens = [op.value for op in asked(played(Locks().complete)) if op.f == "acquire"]
    assert len(tokens) == len(set(tokens))


def test_in_doubt_the_successor_releases_what_may_be_held() -> None:
    doubt = lambda op: op._replace(type=Type.INFO, time=op.time + 10)  # noqa: E731
    load = clients(limit(4, Lock(keys=1, concurrency=1).generator()))
    ops = asked(simulate(load, concurrency=1, complete=doubt))
    assert [(op.f, op.value, op.process) for op in ops] == [
        ("acquire", 1, 0),
        ("release", 1, 1),
        ("release", 1, 2),
        ("release", 1, 3),
    ]


def test_a_release_that_was_not_sent_is_tried_again_and_one_that_found_another_token_is_not() -> None:
    outcomes = iter(
        [(Type.OK, None), (Type.FAIL, {"type": "no-client"}), (Type.FAIL, {"current": None}), (Type.OK, None)]
    )

    def complete(op: Operation) -> Operation:
        kind, error = next(outcomes)
        return op._replace(type=kind, error=error, time=op.time + 10)

    load = clients(limit(4, Lock(keys=1, concurrency=1).generator()))
    ops = asked(simulate(load, concurrency=1, complete=complete))
    assert [(op.f, op.value) for op in ops] == [("acquire", 1), ("release", 1), ("release", 1), ("acquire", 2)]


def test_nothing_is_left_to_do_in_the_end() -> None:
    assert simulate(clients(Lock().final()), concurrency=2) == []


def test_whatever_it_expects_can_be_judged() -> None:
    for name in Lock.expectations:
        checker_factory(name)(**Lock().checker_options(name))
    assert Lock().checker_options("linearizable") == {"model": "mutex"}


@pytest.mark.parametrize("options", [{"keys": 0}, {"rate": "fast"}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="lock: "):
        Lock(**options)
