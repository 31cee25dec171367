"""The store whose primary waits for every replica: all copies are equal, and one lost link stops writes."""

from __future__ import annotations

import asyncio

import pytest

from checkers.availability import Availability
from harness.checker import Budget
from harness.errors import UsageError
from harness.node import RpcError
from harness.verdict import Verdict
from nemeses.partition import Partition
from targets.bundled.sync_replicas import sync_replicas
from tests.simulated import play
from tests.targets.lab import Lab, in_lab

NODES = ("n1", "n2", "n3", "n4", "n5")


def test_every_server_answers_reads_at_once_with_what_was_acknowledged() -> None:
    async def scene(lab: Lab) -> None:
        for value, node in enumerate(NODES):
            await lab.ask(node, type="write", key="x", value=value)
            assert await lab.values("x") == [value] * 5
        with pytest.raises(RpcError) as refused:
            await lab.ask("n3", type="cas", key="x", **{"from": 0, "to": 9})
        assert (refused.value.code, refused.value.extra["current"]) == (22, 4)

    in_lab(sync_replicas(), scene)


def test_one_replica_cut_off_stops_writes_and_no_reads() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n1", type="write", key="x", value=1)
        await asyncio.sleep(0.2)
        await lab.cut_off("n5")
        await asyncio.sleep(1)
        for node in NODES:
            with pytest.raises(RpcError) as refused:
                await lab.ask(node, type="write", key="x", value=2)
            assert refused.value.code in (0, 11)
        assert await lab.values("x") == [1] * 5
        await lab.mend()
        await asyncio.sleep(1)
        await lab.ask("n5", type="write", key="x", value=3)
        assert await lab.values("x") == [3] * 5

    in_lab(sync_replicas(), scene)


def test_a_write_in_doubt_is_not_shown_by_a_replica_that_cannot_ask() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n1", type="write", key="x", value=1)
        await lab.cut_off("n5")
        doubtful = asyncio.create_task(lab.ask("n1", type="write", key="x", value=2))
        await asyncio.sleep(0.1)
        assert (await lab.ask("n2", type="read", key="x"))["value"] == 1, "the primary was asked"
        await lab.cluster.network.cut("g", {"n2": ["n1"], "n1": ["n2"]})
        with pytest.raises(RpcError) as refused:
            await lab.ask("n2", type="read", key="x")
        assert refused.value.code == 11
        doubtful.cancel()

    in_lab(sync_replicas(), scene)


def test_everything_acknowledged_survives_the_end_of_all_servers() -> None:
    async def scene(lab: Lab) -> None:
        for value in range(50):
            await lab.ask(NODES[value % 5], type="write", key=str(value), value=value)
        await lab.restart(*NODES)
        await lab.target.ready(lab.cluster)
        for value in range(50):
            assert await lab.values(str(value)) == [value] * 5

    in_lab(sync_replicas(), scene)


def test_cuts_make_it_unavailable_to_the_majority_too() -> None:
    played = play(sync_replicas(), [Partition(interval=3)], seed=1, time_s=10)
    result = Availability(min=0.99, side="majority").check(played.history, budget=Budget())
    assert result.verdict is Verdict.FAIL


def test_options_are_checked() -> None:
    with pytest.raises(UsageError, match="beat_ms must be a number from 1 to 100"):
        sync_replicas(beat_ms=500)
