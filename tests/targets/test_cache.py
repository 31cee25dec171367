"""The caches in the simulator: fresh while told, never staler than promised, never waiting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harness.errors import UsageError
from harness.node import RpcError
from targets.bundled.cache import cache
from targets.toys.cache import Cache, Copy
from tests.targets.lab import NODES, Lab, in_lab


async def write(lab: Lab, node: str, value: Any) -> None:
    await lab.ask(node, type="write", key="x", value=value)


def test_a_write_reaches_all_copies_at_once() -> None:
    async def scene(lab: Lab) -> None:
        for value, node in enumerate(NODES):
            await write(lab, node, value)
            await asyncio.sleep(0.1)
            assert await lab.values("x") == [value] * 5

    in_lab(cache(), scene)


def test_a_server_reads_its_own_write() -> None:
    async def scene(lab: Lab) -> None:
        for value in range(20):
            await lab.values("x", ("n3",))
            await write(lab, "n3", value)
            assert await lab.values("x", ("n3",)) == [value]

    in_lab(cache(), scene)


def test_a_cache_alone_shows_its_copy_up_to_the_bound_and_then_refuses() -> None:
    async def scene(lab: Lab) -> None:
        await write(lab, "n2", "old")
        await lab.values("x")
        await lab.cut_off("n3")
        await write(lab, "n2", "new")
        await asyncio.sleep(2)
        assert await lab.values("x") == ["new", "new", "old", "new", "new"]
        await asyncio.sleep(1.5)
        for body in ({"type": "read", "key": "x"}, {"type": "read", "key": "never read here"}):
            with pytest.raises(RpcError) as refused:
                async with asyncio.timeout(0.5):
                    await lab.ask("n3", **body)
            assert refused.value.code == 11
        await lab.mend()
        assert await lab.values("x", ("n3",)) == ["new"]

    in_lab(cache(), scene)


def test_a_copy_that_missed_its_invalidation_does_not_outlive_its_life() -> None:
    async def scene(lab: Lab) -> None:
        await write(lab, "n2", "old")
        await lab.values("x")
        await lab.cut_off("n3")
        await write(lab, "n2", "new")
        await lab.mend()
        await lab.cluster.clocks.skew("n3", -60_000)
        assert await lab.values("x", ("n3",)) == ["old"]
        await asyncio.sleep(1.1)
        assert await lab.values("x", ("n3",)) == ["new"]

    in_lab(cache(), scene)


def test_a_write_nobody_answers_is_indeterminate() -> None:
    async def scene(lab: Lab) -> None:
        await lab.cut_off("n3")
        with pytest.raises(RpcError, match="did not say") as unknown:
            await write(lab, "n3", 1)
        assert unknown.value.code == 0

    in_lab(cache(), scene)


def test_a_write_that_comes_again_or_late_undoes_nothing() -> None:
    async def scene(lab: Lab) -> None:
        for number, value, version in ((2, "b", 1), (3, "c", 2), (2, "b", 2), (1, "a", 2)):
            put = {"type": "put", "key": "x", "value": value, "server": "n9", "number": number}
            assert (await lab.ask("n1", **put))["version"] == version
        assert await lab.values("x") == ["c"] * 5

    in_lab(cache(), scene)


def test_everything_acknowledged_survives_the_loss_of_all_power() -> None:
    async def scene(lab: Lab) -> None:
        for value in range(10):
            await write(lab, NODES[value % 5], value)
        assert lab.cluster.disks is not None
        await lab.cluster.disks.lose_power(NODES)
        await lab.cluster.processes.start(NODES)
        assert await lab.values("x") == [9] * 5
        await write(lab, "n2", 10)
        await asyncio.sleep(0.1)
        assert await lab.values("x") == [10] * 5

    in_lab(cache(), scene)


def test_an_answer_that_was_overtaken_is_not_kept() -> None:
    server = Cache.__new__(Cache)
    server._known, server._copies = {}, {}
    server.on_changed("n1", {"key": "x", "version": 2})
    server._keep("x", Copy("old", 1, 0))
    assert not server._copies
    server._keep("x", Copy("new", 2, 0))
    server.on_changed("n1", {"key": "x", "version": 1})
    assert server._copies["x"].value == "new"


def test_options_are_checked() -> None:
    with pytest.raises(UsageError, match="stale_ms must not be less"):
        cache(ttl_ms=500, stale_ms=400)
