"""The store with a primary, backups and a lease: linearizable, and back soon after a failover."""

from __future__ import annotations

import asyncio

import pytest

from harness.errors import UsageError
from harness.node import RpcError
from targets.bundled.primary_backup import primary_backup
from tests.targets.lab import NODES, Lab, in_lab


def test_any_server_takes_requests_and_all_agree() -> None:
    async def scene(lab: Lab) -> None:
        for value, node in enumerate(NODES):
            await lab.ask(node, type="write", key="x", value=value)
            assert await lab.values("x") == [value] * 5
        with pytest.raises(RpcError) as refused:
            await lab.ask("n3", type="cas", key="x", **{"from": 0, "to": 9})
        assert (refused.value.code, refused.value.extra["current"]) == (22, 4)

    in_lab(primary_backup(), scene)


def test_a_backup_takes_over_with_everything_that_was_acknowledged() -> None:
    async def scene(lab: Lab) -> None:
        for value in range(30):
            await lab.ask(NODES[value % 5], type="write", key=value, value=value)
        first = await lab.leader()
        await lab.cluster.processes.kill([first])
        await asyncio.sleep(2)
        second = await lab.leader()
        assert second != first
        for value in range(30):
            assert (await lab.ask(second, type="read", key=value))["value"] == value

    in_lab(primary_backup(), scene)


def test_a_primary_that_is_cut_off_stops_reading_before_another_one_writes() -> None:
    async def scene(lab: Lab) -> None:
        first = await lab.leader()
        await lab.ask(first, type="write", key="x", value=1)
        await lab.cut_off(first)
        other = next(node for node in NODES if node != first)
        refused = written = False
        for _ in range(300):
            await asyncio.sleep(0.01)
            try:
                found = (await lab.ask(first, type="read", key="x"))["value"]
                assert found == 1 and not written, "it read while another led"
            except RpcError as error:
                assert error.code == 11
                refused = True
            if refused and not written:
                try:
                    await lab.ask(other, type="write", key="x", value=2)
                    written = True
                except RpcError:
                    pass
        assert refused and written

    in_lab(primary_backup(), scene)


@pytest.mark.parametrize("clock_ms", [-3_600_000, 3_600_000])
def test_the_time_of_day_does_not_matter(clock_ms: int) -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        for node in NODES[::2]:
            await lab.cluster.clocks.skew(node, clock_ms)
        await asyncio.sleep(3)
        assert await lab.leader() == leader
        await lab.ask("n2", type="write", key="x", value=1)

    in_lab(primary_backup(), scene)


def test_a_server_grants_nothing_until_what_it_may_have_granted_before_is_over() -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        others = [node for node in NODES if node != leader]
        await lab.cut_off(leader)
        await lab.cluster.processes.kill(others)
        await lab.cluster.processes.start(others)
        began = lab.cluster.now()
        for _ in range(500):
            if [node for node in await lab.target.primaries(lab.cluster) if node != leader]:
                break
            await asyncio.sleep(0.01)
        assert 0.6e9 <= lab.cluster.now() - began < 5e9

    in_lab(primary_backup(lease_ms=600), scene)


def test_a_primary_without_a_majority_refuses() -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        await lab.cluster.processes.kill([node for node in NODES if node != leader][:3])
        await asyncio.sleep(1)
        for kind in ({"type": "read", "key": "x"}, {"type": "write", "key": "x", "value": 1}):
            with pytest.raises(RpcError) as refused:
                await lab.ask(leader, **kind)
            assert refused.value.code == 11

    in_lab(primary_backup(), scene)


def test_everything_acknowledged_survives_the_end_of_all_servers() -> None:
    async def scene(lab: Lab) -> None:
        for value in range(30):
            await lab.ask(NODES[value % 5], type="write", key=str(value), value=value)
        await lab.restart(*NODES)
        await lab.target.ready(lab.cluster)
        for value in range(30):
            assert await lab.values(str(value)) == [value] * 5

    in_lab(primary_backup(), scene)


def test_a_server_that_has_just_started_waits_until_it_knows_who_leads() -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        backup = next(node for node in NODES if node != leader)
        await lab.ask(leader, type="write", key="x", value=1)
        await lab.restart(backup)
        assert await lab.values("x", [backup]) == [1]
        await lab.cut_off(backup)
        await lab.restart(backup)
        with pytest.raises(RpcError, match="no leader is known"):
            await lab.values("x", [backup])

    in_lab(primary_backup(), scene)


def test_options_are_checked() -> None:
    with pytest.raises(UsageError, match="beat_ms must be a number from 1 to 100"):
        primary_backup(lease_ms=300, beat_ms=200)
