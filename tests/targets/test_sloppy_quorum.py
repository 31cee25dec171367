"""The store on sloppy quorums in the simulator: it always answers, agrees in the end, and loses no hint."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from checkers.availability import Availability
from checkers.convergence import Convergence
from checkers.linearizable import Linearizable
from harness.checker import Budget
from harness.errors import UsageError
from harness.verdict import Verdict
from nemeses.partition import Partition
from targets.bundled.sloppy_quorum import sloppy_quorum
from targets.toys.ring import replicas_of
from tests.simulated import play
from tests.targets.lab import NODES, Lab, in_lab
from workloads.read_write import ReadWrite

OWNERS = replicas_of("x", NODES)[:3]
STAND_IN, OTHER = (node for node in NODES if node not in OWNERS)


def test_who_is_alone_is_served_and_heard_later() -> None:
    async def scene(lab: Lab) -> None:
        await lab.cut_off("n1")
        await lab.ask("n1", type="write", key="x", value="alone")
        assert await lab.values("x", ["n1"]) == ["alone"]
        await lab.mend()
        await asyncio.sleep(3)
        assert await lab.values("x") == ["alone"] * 5

    in_lab(sloppy_quorum(), scene)


def test_a_hint_survives_a_restart_and_reaches_its_owners() -> None:
    async def scene(lab: Lab) -> None:
        await lab.cut_off(STAND_IN)
        await lab.ask(STAND_IN, type="write", key="x", value="hinted")
        await lab.restart(STAND_IN)
        await lab.mend()
        await asyncio.sleep(3)
        await lab.cluster.processes.kill([STAND_IN])
        assert await lab.values("x", OWNERS) == ["hinted"] * 3

    in_lab(sloppy_quorum(), scene)


def test_a_hint_is_kept_until_its_owner_has_it() -> None:
    async def scene(lab: Lab) -> None:
        await lab.cut_off(STAND_IN)
        await lab.ask(STAND_IN, type="write", key="x", value="hinted")
        await asyncio.sleep(3)
        assert await lab.values("x", [STAND_IN]) == ["hinted"]
        await lab.mend()
        await asyncio.sleep(3)
        assert await lab.values("x", [OTHER]) == ["hinted"]

    in_lab(sloppy_quorum(), scene)


@pytest.mark.parametrize("restarted", [False, True])
def test_what_one_server_writes_stays_in_order_though_it_is_cut_off_from_what_it_wrote(restarted: bool) -> None:
    async def scene(lab: Lab) -> None:
        for value in range(5):
            await lab.ask(STAND_IN, type="write", key="x", value=value)
        if restarted:
            await lab.restart(STAND_IN)
        await lab.cut_off(STAND_IN)
        await lab.ask(STAND_IN, type="write", key="x", value="last")
        await lab.mend()
        await asyncio.sleep(3)
        assert await lab.values("x") == ["last"] * 5

    in_lab(sloppy_quorum(), scene)


def test_it_is_always_served_and_agrees_in_the_end_but_is_not_linearizable() -> None:
    played = play(sloppy_quorum(), [Partition(interval=3)], seed=1, time_s=10, workload=ReadWrite())
    assert Availability(min=0.99).check(played.history, budget=Budget()).verdict is Verdict.PASS
    assert Convergence(within=5).check(played.history, budget=Budget()).verdict is Verdict.PASS
    assert Linearizable(model="register").check(played.history, budget=Budget()).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"w": 4}, "w must be a whole number from 1 to 3"),
        ({"n": 0}, "n must be a whole number from 1 to 100"),
        ({"handoff_ms": "soon"}, "handoff_ms must be a number from 10 to 60000, not 'soon'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        sloppy_quorum(**options)
