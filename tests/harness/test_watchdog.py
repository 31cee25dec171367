"""Services that crash by themselves: found, told, and started again only where the plan says so and nothing objects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clusters.sim import SimCluster
from harness.errors import NodeError
from harness.faults import Evidence, Status, spans
from harness.operation import Operation
from harness.plan import Plan
from harness.repeat import command
from harness.toll import InForce, Toll
from harness.watchdog import Watchdog, crashes
from nemeses.kill import Kill
from nemeses.pause import Pause
from targets.bundled.raft import raft
from tests.simulated import Played, play

SECOND_NS = 1_000_000_000


def crashing(node: str, at_s: float) -> Callable[[SimCluster], None]:
    """Ends a node's process from within, once, so many seconds after the cluster was made."""
    done: list[bool] = []

    def look(cluster: SimCluster) -> None:
        process = cluster._machines[node].process
        if cluster.now() >= at_s * SECOND_NS and process is not None and not done:
            done.append(True)
            process._exited("an assertion failed")

    return look


def nemesis_events(played: Played, f: str) -> list[Operation]:
    return [op for op in played.history if op.f == f]


def test_a_crash_is_told_and_the_service_stays_down() -> None:
    played = play(raft(), seed=3, time_s=5, settle_s=1, look=crashing("n2", 3))
    [crash] = crashes(played.history)
    assert (crash.node, crash.up_ns) == ("n2", None)
    assert str(crash) == f"n2 crashed by itself at {crash.found_ns / 1e9:.1f} s and stayed down"
    invoked, completed = nemesis_events(played, "crash")
    assert invoked.value == {"node": "n2", "in_force": []}
    assert completed.value["nodes"]["n2"] == {"status": "applied", "measured": {"alive": False}}
    assert not nemesis_events(played, "restart")
    assert sum("-- start" in line for line in played.logs["n2"]) == 1
    assert spans(played.history) == [], "a crash is no fault"


def test_a_watchdog_starts_it_again_and_leaves_evidence() -> None:
    played = play(raft(), seed=3, time_s=5, settle_s=1, look=crashing("n2", 3), restart=True)
    [crash] = crashes(played.history)
    assert crash.up_ns is not None and crash.up_ns - crash.found_ns < SECOND_NS
    _, restarted = nemesis_events(played, "restart")
    assert restarted.value["nodes"]["n2"]["status"] == "applied"
    assert restarted.value["nodes"]["n2"]["measured"]["incarnation"] == 2
    assert crash.to_json()["up_s"] == round(crash.up_ns / 1e9, 3)


def test_whom_a_kill_holds_down_has_not_crashed() -> None:
    every = [Kill(interval=1), Pause(interval=1)]
    played = play(raft(), every, seed=5, time_s=10, settle_s=1, restart=True)
    assert any(span.applied for span in spans(played.history))
    assert crashes(played.history) == []


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), at_s=st.floats(1, 6))
def test_the_watchdog_never_starts_what_a_kill_holds(seed: int, at_s: float) -> None:
    """A node that a kill ended stays down until that kill is healed, whatever crashed just before."""
    kill = Kill(interval=0.5, targets=["one", "minority"])
    crash, up_while_held = crashing("n1", at_s), []

    def look(cluster: SimCluster) -> None:
        crash(cluster)
        for fault in kill_spans(cluster):
            up_while_held.extend(node for node in fault if cluster._machines[node].state != "killed")

    held: dict[str, list[str]] = {}
    inject, heal = kill.inject, kill.heal

    async def noting_inject(cluster: Any, fault: Any) -> Any:
        injection = await inject(cluster, fault)
        held[fault.id] = [node for node, one in injection.nodes.items() if one.status is Status.APPLIED]
        return injection

    async def noting_heal(cluster: Any, fault: Any) -> Any:
        held.pop(fault.id, None)
        return await heal(cluster, fault)

    def kill_spans(cluster: SimCluster) -> list[list[str]]:
        return list(held.values())

    kill.inject, kill.heal = noting_inject, noting_heal  # type: ignore[method-assign]
    play(raft(), [kill], seed=seed, time_s=6, settle_s=1, look=look, restart=True)
    assert not up_while_held


class Frail:
    """Processes of a cluster whose n1 is down and does not come up at first."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.up = False
        self.starts = 0

    async def alive(self) -> dict[str, bool]:
        await asyncio.sleep(0)
        return {"n1": self.up}

    async def start(self, nodes: list[str]) -> dict[str, Evidence]:
        self.starts += 1
        if self.starts <= self.failures:
            raise NodeError("n1 crashed at start")
        self.up = True
        return {"n1": Evidence(Status.APPLIED, {"pid": 7})}


class Lab:
    def __init__(self, failures: int = 0, *, restart: bool = True) -> None:
        self.processes = Frail(failures)
        self.nodes = ["n1"]
        self.in_force = InForce(self.nodes)
        self.now_ns = 0
        cluster: Any = self
        self.dog = Watchdog(cluster, self.in_force, lambda: self.now_ns, restart=restart)

    async def step(self) -> str | None:
        op = self.dog.next(self.now_ns)
        if op is None:
            return None
        try:
            await self.dog.perform(op)
        except NodeError:
            return f"{op.f} failed"
        return op.f


def test_a_service_that_does_not_come_up_is_tried_later_each_time() -> None:
    async def scene() -> None:
        lab = Lab(failures=2)
        await lab.dog.look()
        assert [await lab.step() for _ in range(3)] == ["crash", "restart failed", None]
        lab.now_ns = round(0.5 * SECOND_NS)
        assert [await lab.step() for _ in range(2)] == ["restart failed", None]
        lab.now_ns = round(1.4 * SECOND_NS)
        assert await lab.step() is None, "the pause has doubled"
        lab.now_ns = round(1.5 * SECOND_NS)
        assert [await lab.step() for _ in range(2)] == ["restart", None]

    asyncio.run(scene())


def test_a_picture_taken_while_a_fault_came_or_went_counts_for_nothing() -> None:
    async def scene() -> None:
        lab = Lab()
        looking = asyncio.create_task(lab.dog.look())
        await asyncio.sleep(0)
        await lab.in_force.enter("kill-1", Toll.holding(["n1"]))
        lab.in_force.leave("kill-1")
        await looking
        assert await lab.step() is None

    asyncio.run(scene())


def test_a_fault_that_takes_hold_between_the_crash_and_the_restart_wins() -> None:
    async def scene() -> None:
        lab = Lab()
        await lab.dog.look()
        await lab.step()
        restart = lab.dog.next(0)
        assert restart is not None
        await lab.in_force.enter("power-1", Toll.holding(["n1"]))
        done = await lab.dog.perform(restart)
        assert done["nodes"]["n1"] == {"status": "skipped", "measured": {}, "why": "a fault holds this node down now"}
        assert lab.processes.starts == 0
        lab.now_ns = 60 * SECOND_NS
        assert await lab.step() is None
        lab.in_force.leave("power-1")
        assert await lab.step() == "restart"

    asyncio.run(scene())


def test_after_the_end_there_is_nothing_to_do() -> None:
    lab = Lab()
    lab.dog.end()
    with pytest.raises(StopIteration):
        lab.dog.next(0)


def test_the_plan_says_it_and_the_command_repeats_it() -> None:
    plan = Plan.build({"target": "raft", "seed": 3, "watchdog": True})
    assert plan.watchdog and not Plan.build({"target": "raft"}).watchdog
    assert "--watchdog" in command(plan)
