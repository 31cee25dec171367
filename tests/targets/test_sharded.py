"""The store cut into shards: strictly serializable across them, and a lost owner takes its own keys with it alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harness.errors import UsageError
from harness.node import RpcError
from targets.bundled.sharded import sharded
from targets.toys.ring import shard_of
from targets.toys.values import transact
from tests.targets.lab import NODES, Lab, in_lab

STILL: dict[str, Any] = {"rebalance_ms": 0}
"""Shards stay where they begin: shard i with node i mod 5."""


def key_at(node: str, shards: int = 20) -> int:
    """A key whose shard begins with that node."""
    return next(key for key in range(1000) if NODES[shard_of(key, shards) % 5] == node)


KEYS = [key_at(node) for node in NODES]


async def transacts(lab: Lab, node: str, *steps: list[Any]) -> list[Any]:
    results: list[Any] = (await lab.ask(node, type="txn", steps=list(steps)))["results"]
    return results


async def shards_at(lab: Lab) -> dict[str, list[int]]:
    return {node: (await lab.ask(node, type="status"))["shards"] for node in NODES}


def test_transactions_over_all_owners_do_what_they_would_do_on_one() -> None:
    steps = [
        *(["append", key, place] for place, key in enumerate(KEYS)),
        *(["r", key, None] for key in KEYS),
        ["add", "count", 2],
        ["put", "cart", "tea"],
        ["drop", "cart", "milk"],
        ["pop", KEYS[0], None],
    ]

    async def scene(lab: Lab) -> None:
        values: dict[Any, Any] = {}
        for node in NODES:
            expected, written = transact(values.get, steps)
            values |= written
            assert await transacts(lab, node, *steps) == expected
        for key in KEYS:
            assert await lab.values(key) == [values[key]] * 5

    in_lab(sharded(**STILL), scene)


def test_a_refused_transaction_does_nothing_and_tells_what_it_found() -> None:
    async def scene(lab: Lab) -> None:
        with pytest.raises(RpcError) as refused:
            await transacts(lab, "n1", ["add", KEYS[0], 5], ["least", KEYS[1], 1])
        assert (refused.value.code, refused.value.extra["current"]) == (22, None)
        assert await transacts(lab, "n2", *(["r", key, None] for key in KEYS[:2])) == [None, None]

    in_lab(sharded(**STILL), scene)


def test_a_lost_owner_takes_its_own_keys_with_it_alone_even_if_the_others_are_no_majority() -> None:
    async def scene(lab: Lab) -> None:
        for key in KEYS:
            await lab.ask("n1", type="write", key=key, value=key)
        await lab.cluster.processes.kill(["n3", "n4", "n5"])
        for key in KEYS[:2]:
            assert await lab.values(key, ["n1", "n2"]) == [key] * 2
            await lab.ask("n2", type="write", key=key, value=-key)
        for key in KEYS[2:]:
            with pytest.raises(RpcError) as refused:
                await lab.ask("n1", type="read", key=key)
            assert refused.value.code == 11
        await lab.cluster.processes.start(["n3", "n4", "n5"])
        await lab.target.ready(lab.cluster)
        for key in KEYS[2:]:
            assert await lab.values(key) == [key] * 5

    in_lab(sharded(**STILL), scene)


def test_everything_acknowledged_survives_the_end_of_all_servers_wherever_shards_have_moved() -> None:
    async def scene(lab: Lab) -> None:
        for value in range(40):
            await transacts(lab, NODES[value % 5], *(["append", key, value] for key in range(value % 5, 40, 5)))
            await asyncio.sleep(0.05)
        await lab.restart(*NODES)
        await lab.target.ready(lab.cluster)
        for key in range(40):
            assert await lab.values(key) == [list(range(key % 5, 40, 5))] * 5

    in_lab(sharded(rebalance_ms=100), scene)


def test_shards_move_and_never_have_two_owners() -> None:
    async def scene(lab: Lab) -> None:
        places = set()
        for _ in range(40):
            await asyncio.sleep(0.1)
            here = await shards_at(lab)
            owned = [shard for shards in here.values() for shard in shards]
            assert len(owned) == len(set(owned))
            assert max(map(len, here.values())) <= 5, "they are spread evenly"
            places |= {(node, shard) for node, shards in here.items() for shard in shards}
        assert len(places) > 20

    in_lab(sharded(rebalance_ms=200), scene)


def test_a_prepared_transaction_outlives_its_coordinator_and_ends_everywhere_alike() -> None:
    async def scene(lab: Lab) -> None:
        other = "n1" if await lab.leader() != "n1" else "n2"
        keys = [key for node, key in zip(NODES, KEYS, strict=True) if node != other]
        for value in range(60):
            asking = asyncio.ensure_future(transacts(lab, other, *(["append", key, value] for key in keys)))
            await asyncio.sleep(0.0005 * value)
            await lab.restart(other)
            await asyncio.gather(asking, return_exceptions=True)
            await asyncio.sleep(0.6)
            lists = await transacts(lab, "n3", *(["r", key, None] for key in keys))
            assert all(found == lists[0] for found in lists), lists
        assert lists[0] and len(lists[0]) < 60, "some were cut off before the decision, some after"

    in_lab(sharded(**STILL), scene)


async def holding(lab: Lab, owner: str, key: Any) -> dict[str, Any]:
    """What a coordinator sends, which has locked a key there to write it."""
    locked = await lab.ask(owner, type="lock", transaction="t", keys=[[key, True]], hold=True)
    return {"transaction": "t", "ticket": locked["ticket"], "writes": [[key, "new"]]}


def test_whoever_is_in_doubt_and_hears_no_majority_keeps_its_locks_until_it_does() -> None:
    async def scene(lab: Lab) -> None:
        owner, key = NODES[1], KEYS[1]
        await lab.ask(owner, type="write", key=key, value="old")
        await lab.ask(owner, type="prepare", **await holding(lab, owner, key))
        await lab.cut_off(owner)
        await lab.restart(owner)
        await asyncio.sleep(1)
        with pytest.raises(RpcError) as refused:
            await lab.ask(owner, type="read", key=key)
        assert refused.value.code == 30
        await lab.mend()
        await asyncio.sleep(1)
        assert await lab.values(key) == ["old"] * 5

    in_lab(sharded(**STILL), scene)


def test_a_message_that_comes_again_does_nothing_again() -> None:
    async def scene(lab: Lab) -> None:
        owner, key = NODES[1], KEYS[1]
        work = await holding(lab, owner, key)
        await lab.ask(owner, type="commit", **work)
        await lab.ask(owner, type="write", key=key, value="newer")
        assert (await lab.ask(owner, type="commit", **work))["type"] == "commit_ok", "it was committed, once"
        with pytest.raises(RpcError) as over:
            await lab.ask(owner, type="lock", transaction="t", keys=[[key, True]], hold=True)
        assert over.value.code == 30
        await lab.restart(owner)
        await lab.target.ready(lab.cluster)
        with pytest.raises(RpcError) as forgotten:
            await lab.ask(owner, type="commit", **work)
        assert forgotten.value.code == 0, "it cannot tell any more, so it leaves that open"
        assert await lab.values(key) == ["newer"] * 5

    in_lab(sharded(**STILL), scene)


def test_what_is_not_prepared_is_given_up_after_a_while() -> None:
    async def scene(lab: Lab) -> None:
        owner, key = NODES[1], KEYS[1]
        work = await holding(lab, owner, key)
        await asyncio.sleep(0.6)
        await lab.ask(owner, type="write", key=key, value="other")
        for what in ("check", "prepare", "commit"):
            with pytest.raises(RpcError) as refused:
                await lab.ask(owner, type=what, **work)
            assert refused.value.code == 30

    in_lab(sharded(**STILL), scene)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"shards": 0}, "sharded: shards"),
        ({"rebalance_ms": -1}, "sharded: rebalance_ms must be a number from 0 to 60000"),
    ],
)
def test_options_are_checked(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        sharded(**options)
