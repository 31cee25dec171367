"""What the tests of schedules share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.generators import clients, limit, perfect, simulate
from harness.operation import Operation, Type


def asked(events: list[Operation]) -> list[Operation]:
    """The invocations."""
    return [event for event in events if event.type is Type.INVOKE]


def load(workload: Any, count: int = 2_000, *, complete: Callable[[Operation], Operation] = perfect) -> list[Operation]:
    """What five workers are told to do by a workload's load, `count` operations of it."""
    return asked(simulate(clients(limit(count, workload.generator())), concurrency=5, complete=complete, seed=3))


def ending(workload: Any, *, complete: Callable[[Operation], Operation] = perfect, workers: int = 4) -> list[Operation]:
    """What that many workers are told to do in the end."""
    return asked(simulate(clients(workload.final()), concurrency=workers, complete=complete))


def refuse(op: Operation) -> Operation:
    """A completion function for a service that refuses everything."""
    return op._replace(type=Type.FAIL, time=op.time + 10)
