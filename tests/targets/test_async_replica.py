"""The store whose primary waits for nobody: reads everywhere and always, and what a failover loses."""

from __future__ import annotations

import asyncio

from targets.bundled.async_replica import async_replica
from tests.targets.lab import NODES, Lab, in_lab


def test_replicas_follow_soon() -> None:
    async def scene(lab: Lab) -> None:
        for value, node in enumerate(NODES):
            await lab.ask(node, type="write", key="x", value=value)
            await asyncio.sleep(0.2)
            assert await lab.values("x") == [value] * 5

    in_lab(async_replica(), scene)


def test_everybody_reads_also_without_a_primary() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n1", type="write", key="x", value=1)
        await asyncio.sleep(0.2)
        await lab.cluster.network.cut("f", {node: [other for other in NODES if other != node] for node in NODES})
        await asyncio.sleep(3)
        assert await lab.values("x") == [1] * 5

    in_lab(async_replica(), scene)


def test_a_failover_loses_what_the_primary_acknowledged_alone_and_all_agree_on_that() -> None:
    async def scene(lab: Lab) -> None:
        first = await lab.leader()
        await lab.ask(first, type="write", key="x", value="before")
        await asyncio.sleep(0.2)
        await lab.cut_off(first)
        assert (await lab.ask(first, type="write", key="x", value="alone"))["type"] == "write_ok"
        await asyncio.sleep(2)
        [second] = [node for node in await lab.target.primaries(lab.cluster) if node != first]
        assert (await lab.ask(second, type="read", key="x"))["value"] == "before"
        assert (await lab.ask(first, type="read", key="x"))["value"] == "alone"
        await lab.mend()
        await asyncio.sleep(1)
        assert await lab.values("x") == ["before"] * 5

    in_lab(async_replica(), scene)


def test_a_primary_alone_survives_its_own_end_with_what_it_acknowledged() -> None:
    async def scene(lab: Lab) -> None:
        for value in range(30):
            await lab.ask(NODES[value % 5], type="write", key=str(value), value=value)
        await lab.restart(*NODES)
        await lab.target.ready(lab.cluster)
        await asyncio.sleep(3)
        for value in range(30):
            assert await lab.values(str(value)) == [value] * 5

    in_lab(async_replica(), scene)
