"""The schedules of the registers without compare-and-set, and of those that keep siblings."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import UsageError
from harness.experiment import checker_factory
from harness.generators import clients, limit, simulate
from harness.operation import Operation, Type
from workloads.read_write import ReadWrite
from workloads.siblings import Siblings


def find_two(op: Operation) -> Operation:
    """Every read finds the siblings 1 and 2; all else succeeds as asked."""
    value = {"values": [1, 2], "context": {"n1": 7}} if op.f == "read" else op.value
    return op._replace(type=Type.OK, value=value, time=op.time + 10)


def played(workload: Any, count: int = 2_000) -> list[Operation]:
    events = simulate(clients(limit(count, workload.generator())), concurrency=5, seed=3, complete=find_two)
    return [event for event in events if event.type is Type.INVOKE]


def test_a_write_or_removal_goes_over_what_its_own_worker_has_read() -> None:
    ops = played(Siblings(keys=2, concurrency=5))
    read: set[tuple[Any, Any]] = set()
    for op in ops:
        if op.f == "read":
            read.add((op.process, op.key))
        elif op.value["over"]:
            assert (op.process, op.key) in read
            assert (op.value["over"], op.value["context"]) == ([1, 2], {"n1": 7})
        else:
            assert op.f == "write" and op.value["context"] == {}
    kinds = {(op.f, bool(op.f != "read" and op.value["over"])) for op in ops}
    assert kinds == {("read", False), ("write", True), ("write", False), ("remove", True)}


def test_no_value_is_written_twice() -> None:
    written = [op.value["value"] for op in played(Siblings(concurrency=5)) if op.f == "write"]
    assert len(written) == len(set(written)) > 500


def test_registers_without_compare_and_set_ask_for_none() -> None:
    assert {op.f for op in played(ReadWrite(keys=3, concurrency=5))} == {"read", "write"}
    with pytest.raises(UsageError, match="registers with cas are `register`"):
        ReadWrite(mix={"read": 1, "cas": 1})


@pytest.mark.parametrize("workload", [Siblings(), ReadWrite()])
def test_whatever_they_expect_can_be_judged(workload: Any) -> None:
    for name in workload.expectations:
        checker_factory(name)(**workload.checker_options(name))
    assert ReadWrite().checker_options("linearizable") == {"model": "register"}
