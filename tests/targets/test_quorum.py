"""The store on quorums in the simulator: what holds for which options."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from checkers.linearizable import Linearizable
from harness.checker import Budget
from harness.errors import UsageError
from harness.node import RpcError
from harness.verdict import Verdict
from nemeses.partition import Partition
from targets.bundled.quorum import quorum
from targets.toys.ring import replicas_of
from tests.simulated import play
from tests.targets.lab import NODES, Lab, in_lab
from workloads.read_write import ReadWrite

STRICT = {f"quorum-{workload}-linearizable" for workload in quorum().workloads}


def test_what_one_server_writes_all_others_read() -> None:
    async def scene(lab: Lab) -> None:
        for value, node in enumerate(NODES):
            await lab.ask(node, type="write", key="x", value=value)
            assert await lab.values("x") == [value] * 5

    in_lab(quorum(n=3), scene)


def test_there_is_no_compare_and_set() -> None:
    async def scene(lab: Lab) -> None:
        with pytest.raises(RpcError) as refused:
            await lab.ask("n1", type="cas", key="x", **{"from": None, "to": 1})
        assert refused.value.code == 10

    in_lab(quorum(), scene)


def test_a_clock_that_is_far_behind_loses_nothing() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n2", type="write", key="x", value="first")
        await lab.cluster.clocks.skew("n1", -60_000)
        await lab.ask("n1", type="write", key="x", value="second")
        assert await lab.values("x") == ["second"] * 5

    in_lab(quorum(), scene)


def test_a_read_brings_what_it_returns_to_a_quorum() -> None:
    async def scene(lab: Lab) -> None:
        with pytest.raises(TimeoutError):  # a replica answers polls, and a client has none
            await asyncio.wait_for(lab.ask("n1", type="store", key="x", version=[[9, "n1", 1], "half"], poll=0), 1)
        assert await lab.values("x", ["n1"]) == ["half"]
        await lab.cluster.processes.kill(["n1"])
        assert await lab.values("x", NODES[1:]) == ["half"] * 4

    in_lab(quorum(), scene)


def test_who_reaches_no_quorum_is_refused() -> None:
    async def write_alone(lab: Lab) -> None:
        await lab.cut_off("n1")
        with pytest.raises(RpcError, match="fewer than 3 replicas answered"):
            await lab.ask("n1", type="write", key="x", value="alone")

    in_lab(quorum(), write_alone)


def test_quorums_that_do_not_meet_read_stale() -> None:
    played = play(quorum(n=5, r=1, w=1), [Partition(interval=3)], seed=1, time_s=8, workload=ReadWrite())
    assert Linearizable(model="register").check(played.history, budget=Budget()).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("options", "claimed"),
    [
        ({}, {*STRICT, "quorum-majority-available"}),
        ({"n": 3}, STRICT),
        ({"n": 3, "r": 1, "w": 3}, STRICT),
        ({"n": 4, "r": 2, "w": 2}, {"quorum-stale"}),
        ({"write_back": False}, {"quorum-stale", "quorum-majority-available"}),
    ],
)
def test_what_is_claimed_depends_on_the_options(options: dict[str, Any], claimed: set[str]) -> None:
    assert {claim.id for claim in quorum(**options).claims} == claimed


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"r": 2}, "r is a part of n replicas; say n, too"),
        ({"n": 3, "w": 4}, "w must be a whole number from 1 to 3"),
        ({"write_back": "yes"}, "write_back is true or false, not 'yes'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        quorum(**options)


def test_a_key_keeps_its_replicas_when_others_go() -> None:
    for key in range(200):
        order = replicas_of(key, NODES)
        assert sorted(order) == list(NODES)
        assert replicas_of(key, [node for node in NODES if node != order[4]]) == order[:4]
    assert {replicas_of(key, NODES)[0] for key in range(200)} == set(NODES)
