"""The log's schedule, and what its client makes of a list."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harness.errors import UsageError
from harness.generators import imperfect
from harness.operation import Operation
from tests.workloads.schedules import ending, load
from workloads.log import Log, LogClient


def test_every_process_is_assigned_all_logs_before_anything_else() -> None:
    ops = load(Log(keys=3, concurrency=5), complete=imperfect)
    first: dict[Any, str] = {}
    for op in ops:
        first.setdefault(op.process, op.f)
    assert len(first) > 100 and set(first.values()) == {"assign"}
    assert {str(op.value) for op in ops if op.f == "assign"} == {"[0, 1, 2]"}


def test_no_message_is_sent_twice_and_both_come_in_the_shares_asked_for() -> None:
    ops = load(Log(keys=3, mix={"send": 1, "poll": 3}, concurrency=5))
    sent = [op.value[0][2] for op in ops if op.f == "send"]
    assert len(set(sent)) == len(sent) and 0.2 < len(sent) / len(ops) < 0.3
    assert {op.value[0][1] for op in ops if op.f == "send"} == {0, 1, 2}


def test_in_the_end_every_worker_polls() -> None:
    assert [op.f for op in ending(Log(), workers=1)] == ["assign", "poll"]


def test_a_consumer_goes_on_where_it_was() -> None:
    logs = {"log/0": ["a", "b"], "log/1": None}

    class Client(LogClient):
        async def transact(self, *steps: list[Any]) -> list[Any]:
            return [logs[key] for _, key, _ in steps]

    async def main() -> list[Any]:
        client = Client(lambda: asyncio.sleep(0))  # type: ignore[arg-type, return-value]
        poll = Operation("poll", None, [["poll"]])
        await client.invoke(Operation("assign", None, [0, 1]))
        polled = [(await client.invoke(poll)).value]
        logs.update({"log/0": ["a", "b", "c"], "log/1": ["d"]})
        return [*polled, (await client.invoke(poll)).value, (await client.invoke(poll)).value]

    assert asyncio.run(main()) == [
        [["poll", {"0": [[0, "a"], [1, "b"]]}]],
        [["poll", {"0": [[2, "c"]], "1": [[0, "d"]]}]],
        [["poll", {}]],
    ]


@pytest.mark.parametrize("options", [{"keys": 0}, {"rate": 0}, {"mix": {"txn": 1}}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="log: "):
        Log(**options)
