"""The outbox in the simulator: it accepts wherever it is, delivers once, and refuses when full."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harness.node import RpcError
from targets.bundled.outbox import outbox
from tests.targets.lab import NODES, Lab, in_lab


async def order(lab: Lab, node: str, id: int) -> None:
    await lab.ask(node, type="txn", steps=[["append", "x", id]])


async def waiting(lab: Lab, node: str) -> Any:
    return (await lab.ask(node, type="status"))["waiting"]


def test_what_a_branch_accepts_alone_arrives_once_and_in_order() -> None:
    async def scene(lab: Lab) -> None:
        await order(lab, "n2", 1)
        await asyncio.sleep(0.5)
        await lab.cut_off("n3")
        for id in (2, 3, 4):
            await order(lab, "n3", id)
        assert await waiting(lab, "n3") == 3
        assert await lab.values("x") == [[1], [1], [], [1], [1]], "it has never seen the books"
        await lab.mend()
        await asyncio.sleep(2)
        assert await lab.values("x") == [[1, 2, 3, 4]] * 5
        assert await waiting(lab, "n3") == 0

    in_lab(outbox(), scene)


def test_a_branch_without_the_head_office_shows_the_copy_it_saw_last() -> None:
    async def scene(lab: Lab) -> None:
        await order(lab, "n2", 1)
        await asyncio.sleep(0.5)
        assert await lab.values("x", ("n3",)) == [[1]]
        await lab.cut_off("n3")
        await order(lab, "n2", 2)
        await asyncio.sleep(0.5)
        assert await lab.values("x", ("n2", "n3")) == [[1, 2], [1]]

    in_lab(outbox(), scene)


def test_a_full_queue_refuses_and_takes_again_when_there_is_room() -> None:
    async def scene(lab: Lab) -> None:
        await lab.cut_off("n3")
        for id in range(3):
            await order(lab, "n3", id)
        with pytest.raises(RpcError, match="3 entries wait") as refused:
            await order(lab, "n3", 9)
        assert refused.value.code == 11
        await lab.mend()
        await asyncio.sleep(2)
        await order(lab, "n3", 3)
        await asyncio.sleep(0.5)
        assert await lab.values("x", ("n1",)) == [[0, 1, 2, 3]]

    in_lab(outbox(limit=3), scene)


def test_neither_side_forgets_when_all_power_is_lost() -> None:
    async def scene(lab: Lab) -> None:
        await lab.cut_off("n3")
        for id in range(10):
            await order(lab, NODES[id % 5], id)
        assert lab.cluster.disks is not None
        await lab.cluster.disks.lose_power(NODES)
        await lab.cluster.processes.start(NODES)
        await lab.mend()
        await asyncio.sleep(3)
        [books] = await lab.values("x", ("n1",))
        assert sorted(books) == list(range(10))

    in_lab(outbox(), scene)


def test_a_delivery_that_comes_again_is_skipped() -> None:
    async def scene(lab: Lab) -> None:
        for _ in range(2):
            answer = await lab.ask("n1", type="deliver", branch="n9", entries=[[1, "x", "a"], [2, "x", "b"]])
            assert answer["last"] == 2
        await lab.ask("n1", type="deliver", branch="n9", entries=[[2, "x", "b"], [3, "x", "c"]])
        assert await lab.values("x", ("n1",)) == [["a", "b", "c"]]

    in_lab(outbox(), scene)


@pytest.mark.parametrize("steps", [[["w", "x", 1]], [["append", "x", 1], ["append", "y", 1]], []])
def test_what_is_no_order_is_refused(steps: list[Any]) -> None:
    async def scene(lab: Lab) -> None:
        with pytest.raises(RpcError, match="one step at a time"):
            await lab.ask("n1", type="txn", steps=steps)

    in_lab(outbox(), scene)
