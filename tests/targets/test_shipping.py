"""Logs that are cut: who was away is brought up to date, whoever takes over has all, and all agree."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from harness.clusters.base import Impairment
from targets.bundled.async_replica import async_replica
from targets.bundled.primary_backup import primary_backup
from targets.bundled.sync_replicas import sync_replicas
from targets.toys.shipping import Shipping
from tests.targets.lab import NODES, Lab, in_lab

RECORDS = 20


def server(lab: Lab, node: str) -> Shipping:
    process = lab.cluster._machines[node].process
    assert process is not None and isinstance(process.node, Shipping)
    return process.node


async def write(lab: Lab, node: str, numbers: Sequence[int]) -> None:
    for number in numbers:
        await lab.ask(node, type="write", key=f"k{number % 3}", value=number)


async def everything(lab: Lab) -> set[tuple[Any, ...]]:
    """What each server has, each once."""
    await asyncio.sleep(1)
    return {tuple([(await lab.ask(node, type="read", key=f"k{key}"))["value"] for key in range(3)]) for node in NODES}


@pytest.mark.parametrize("make", [async_replica, primary_backup])
def test_who_was_away_while_the_log_was_cut_is_sent_the_snapshot(make: Any) -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        away = next(node for node in NODES if node != leader)
        await write(lab, leader, range(5))
        await lab.cluster.processes.kill([away])
        await write(lab, leader, range(5, 100))
        assert server(lab, leader).state.snapshot.index > 50
        await lab.cluster.processes.start([away])
        assert await everything(lab) == {(99, 97, 98)}
        assert server(lab, away).state.snapshot.index > 50

    in_lab(make(snapshot_records=RECORDS), scene)


@pytest.mark.parametrize("make", [async_replica, primary_backup])
def test_a_leader_whose_disk_is_slower_than_all_others_cuts_nothing_that_it_has_not_applied(make: Any) -> None:
    """The others have on disk what it has only in memory: settled, and not yet applied where that waits for its own."""

    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        await lab.cluster.disks.impair("slow", [leader], Impairment("slow", delay_ms=150))
        writing = []
        for number in range(300):
            writing.append(asyncio.create_task(write(lab, leader, [number])))
            await asyncio.sleep(0.007)
            assert server(lab, leader).commit >= server(lab, leader).state.snapshot.index
        await asyncio.gather(*writing)
        assert server(lab, leader).state.snapshot.index > 50
        await lab.cluster.disks.repair("slow")
        assert len(await everything(lab)) == 1

    in_lab(make(snapshot_records=RECORDS), scene)


@pytest.mark.parametrize("make", [async_replica, primary_backup, sync_replicas])
def test_all_that_was_acknowledged_is_there_after_all_have_started_again(make: Any) -> None:
    async def scene(lab: Lab) -> None:
        for turn in range(3):
            await write(lab, await lab.leader(), range(100 * turn, 100 * turn + 50))
            await lab.restart(*NODES)
            await asyncio.sleep(3)
        await write(lab, await lab.leader(), range(300, 303))
        assert await everything(lab) == {(300, 301, 302)}
        assert all(server(lab, node).state.last_index - server(lab, node).state.snapshot.index < 60 for node in NODES)

    in_lab(make(snapshot_records=RECORDS), scene)


def test_what_a_deposed_primary_applied_alone_goes_though_both_sides_have_cut_their_logs() -> None:
    async def scene(lab: Lab) -> None:
        deposed = await lab.leader()
        await write(lab, deposed, range(60))
        friend = next(node for node in NODES if node != deposed)
        await lab.cut_off(deposed, friend)
        await write(lab, deposed, range(1000, 1060))
        assert server(lab, deposed).state.snapshot.index <= 70, "what only a minority has is not settled"
        await asyncio.sleep(3)
        [leader] = [node for node in NODES if server(lab, node).leads and node != deposed]
        await write(lab, leader, range(2000, 2060))
        assert server(lab, leader).state.snapshot.index > 70
        await lab.mend()
        assert await everything(lab) == {(2058, 2059, 2057)}

    in_lab(async_replica(snapshot_records=RECORDS), scene)


def test_a_snapshot_that_is_older_than_what_is_settled_changes_nothing() -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        node = next(node for node in NODES if node != leader)
        await write(lab, leader, range(50))
        old = server(lab, node).state.snapshot.to_json()
        await write(lab, leader, range(50, 100))
        before = server(lab, node).state.snapshot.index
        body = {"type": "snapshot", "term": server(lab, leader).state.term, "round": 0, "snapshot": old}
        machine = lab.cluster._machines[node]
        machine.root.call_soon(machine.deliver, leader, body)
        await asyncio.sleep(0.01)
        assert before > old[0] and server(lab, node).state.snapshot.index == before
        assert await everything(lab) == {(99, 97, 98)}

    in_lab(async_replica(snapshot_records=RECORDS), scene)
