"""The shop in the simulator: pages on both sides of a cut, orders on one, and nothing sold twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harness.errors import UsageError
from harness.node import RpcError
from targets.bundled.shop import shop
from tests.targets.lab import NODES, Lab, in_lab


async def order(lab: Lab, node: str, units: int) -> Any:
    return await lab.ask(node, type="txn", steps=[["least", "stock", units - 3], ["add", "stock", -units]])


async def left(lab: Lab, node: str) -> Any:
    return (await lab.ask(node, type="txn", steps=[["r", "stock", None]]))["results"][0]


def test_the_smaller_side_browses_and_cannot_order() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n1", type="write", key="page", value=1)
        await asyncio.sleep(0.5)
        await lab.cut_off("n4", "n5")
        await asyncio.sleep(1.5)
        await lab.ask("n5", type="write", key="page", value=2)
        await asyncio.sleep(0.5)
        assert await lab.values("page") == [1, 1, 1, 2, 2], "each side shows its own page"
        await order(lab, "n1", 2)
        with pytest.raises(RpcError, match="no leader is known here"):
            await order(lab, "n5", 2)
        await lab.mend()
        await asyncio.sleep(3)
        assert await lab.values("page") == [2] * 5
        assert await left(lab, "n5") == -2
        with pytest.raises(RpcError, match="least") as refused:
            await order(lab, "n5", 2)
        assert refused.value.extra["current"] == -2, "one unit is left, two were asked for"

    in_lab(shop(), scene)


def test_both_parts_survive_a_loss_of_power() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n2", type="write", key="page", value="new")
        await order(lab, "n3", 1)
        assert lab.cluster.disks is not None
        await lab.cluster.disks.lose_power(NODES)
        await lab.cluster.processes.start(NODES)
        await asyncio.sleep(3)
        assert await lab.values("page") == ["new"] * 5
        assert await left(lab, "n1") == -1

    in_lab(shop(), scene)


@pytest.mark.parametrize("part", [{"part": "till", "body": {}}, {"part": ["pages"], "body": {}}, {"part": "pages"}, {}])
def test_a_message_for_no_part_is_refused(part: dict[str, Any]) -> None:
    async def scene(lab: Lab) -> None:
        with pytest.raises(RpcError, match="a shop has the parts pages, checkout"):
            await lab.ask("n1", type="part", **part)
        await order(lab, "n1", 1)

    in_lab(shop(), scene)


@pytest.mark.parametrize("options", [{"gossip_ms": 0}, {"election_ms": 100, "heartbeat_ms": 60}, {"heartbeat_ms": -1}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="shop: "):
        shop(**options)
