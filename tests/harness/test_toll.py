"""What faults take, and that a plan which demands a quorum keeps one at every moment."""

from __future__ import annotations

import asyncio
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clusters.sim import SimCluster
from harness.faults import Status, spans
from harness.plan import Plan
from harness.regimes import Side, regimes
from harness.repeat import command
from harness.toll import InForce, Toll
from nemeses.kill import Kill
from nemeses.partition import Partition
from nemeses.pause import Pause
from targets.bundled.raft import raft
from tests.simulated import play

NODES = ["n1", "n2", "n3", "n4", "n5"]


def account(**options: bool) -> InForce:
    return InForce(NODES, **{"keep_quorum": True, **options})


def enter(in_force: InForce, fault: str, toll: Toll) -> str | None:
    return asyncio.run(in_force.enter(fault, toll))


def test_two_of_five_may_go_and_not_a_third_until_one_is_back() -> None:
    in_force = account()
    assert enter(in_force, "clock-1", Toll()) is None
    assert enter(in_force, "kill-1", Toll.holding(["n1"])) is None
    assert enter(in_force, "pause-1", Toll.holding(["n2"])) is None
    why = enter(in_force, "kill-2", Toll.holding(["n3"]))
    assert why == "no quorum would be left, beside kill-1, pause-1: 0 of 5 nodes would still see a majority"
    assert enter(in_force, "kill-3", Toll.holding(["n1", "n2"])) is None, "who is down already costs nothing more"
    in_force.leave("kill-3")
    in_force.leave("kill-1")
    assert enter(in_force, "kill-4", Toll.holding(["n3"])) is None


def test_a_node_that_went_down_by_itself_counts() -> None:
    in_force = account()
    in_force.crashed("n1", True)
    in_force.crashed("n2", True)
    assert "beside the crash of n1, the crash of n2" in (enter(in_force, "kill-1", Toll.holding(["n3"])) or "")
    in_force.crashed("n1", False)
    assert enter(in_force, "kill-1", Toll.holding(["n3"])) is None


def test_a_ring_leaves_a_quorum_and_a_kill_on_it_does_not() -> None:
    ring = {"n1": ["n3", "n4"], "n2": ["n4", "n5"], "n3": ["n5", "n1"], "n4": ["n1", "n2"], "n5": ["n2", "n3"]}
    in_force = account()
    assert enter(in_force, "partition-1", Toll(drops=ring)) is None
    assert enter(in_force, "kill-1", Toll.holding(["n1"])) is not None


def test_without_the_demand_everything_may_go() -> None:
    in_force = account(keep_quorum=False)
    assert enter(in_force, "kill-1", Toll.holding(NODES)) is None
    assert all(in_force.held(node) for node in NODES)


@given(
    down=st.sets(st.sampled_from(NODES)),
    cut=st.sets(st.sampled_from([*combinations(NODES, 2), *combinations(reversed(NODES), 2)])),
)
def test_a_quorum_is_more_than_half_of_all_each_with_links_to_more_than_half(
    down: set[str], cut: set[tuple[str, str]]
) -> None:
    toll = Toll(frozenset(down), {node: [sender for receiver, sender in cut if receiver == node] for node in NODES})
    up = [node for node in NODES if node not in down]
    linked = [
        sum(node == other or ((node, other) not in cut and (other, node) not in cut) for other in up) for node in up
    ]
    assert (enter(account(), "f-1", toll) is None) == (sum(count >= 3 for count in linked) >= 3)


def test_a_restart_is_over_before_a_fault_takes_hold() -> None:
    async def scene() -> list[str]:
        in_force, order = account(), []

        async def restart() -> None:
            async with in_force.restarting("n2"):
                await asyncio.sleep(0.01)
                order.append("restarted")

        restarting = asyncio.create_task(restart())
        await asyncio.sleep(0)
        await in_force.enter("clock-1", Toll())
        order.append("clock")
        await in_force.enter("kill-1", Toll.holding(["n2"]))
        order.append("kill")
        await restarting
        return order

    assert asyncio.run(scene()) == ["clock", "restarted", "kill"]


SPECS = ["one", "minority", "majority", "minority_third", "primaries", "all", ["n1", "n2"]]


class Gauge:
    """Looks at the simulated machines and links themselves, not at what anybody says of them."""

    def __init__(self) -> None:
        self.fewest = len(NODES)

    def look(self, cluster: SimCluster) -> None:
        up = [node for node in NODES if cluster._machines[node].state == "running"]
        assert cluster.network is not None
        cut = {(node, other) for node in NODES for other, link in cluster.network.links(node).items() if link.cuts}
        sees = {node: sum(other == node or not {(node, other), (other, node)} & cut for other in up) for node in up}
        self.fewest = min(self.fewest, sum(2 * count > len(NODES) for count in sees.values()))


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    targets=st.lists(st.sampled_from(SPECS), min_size=1, max_size=3),
    interval=st.sampled_from([0.5, 1, 3]),
)
def test_at_every_moment_of_any_plan_a_majority_is_up_and_linked(
    seed: int, targets: list[str | list[str]], interval: float
) -> None:
    gauge = Gauge()
    every = [
        Partition(interval=interval, grudges=["one", "halves", "majority", "ring", "bridge", "one_way", "random"]),
        Kill(interval=interval, targets=targets),
        Pause(interval=interval, targets=targets),
    ]
    played = play(raft(), every, seed=seed, time_s=6, settle_s=1, keep_quorum=True, look=gauge.look)
    assert gauge.fewest >= 3
    faults = spans(played.history)
    for regime in regimes(faults, NODES):
        assert sum(side is Side.MAJORITY for side in regime.sides.values()) >= 3
    assert any(span.applied for span in faults)


def test_without_it_the_gauge_sees_quorums_lost_and_with_it_what_is_skipped_says_why() -> None:
    gauge = Gauge()
    every = [Kill(interval=2, targets="majority")]
    play(raft(), every, seed=1, time_s=6, settle_s=1, look=gauge.look)
    assert gauge.fewest < 3
    played = play(raft(), [Kill(interval=2, targets="majority")], seed=1, time_s=6, settle_s=1, keep_quorum=True)
    for span in spans(played.history):
        assert span.status is Status.SKIPPED
        assert len(span.nodes) == 3 and "no quorum would be left" in span.why


def test_the_plan_says_it_and_the_command_repeats_it() -> None:
    plan = Plan.build({"target": "raft", "seed": 3, "keep_quorum": True})
    assert plan.keep_quorum and not Plan.build({"target": "raft"}).keep_quorum
    assert "--keep-quorum" in command(plan)


@pytest.mark.parametrize("toll", [Toll(), Toll(drops={"n1": ["n2"]})])
def test_who_holds_nobody_down(toll: Toll) -> None:
    in_force = account()
    enter(in_force, "f-1", toll)
    assert not any(in_force.held(node) for node in NODES)
