"""Members that leave and join: one at a time, never too few, and everybody is back at the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from harness.client import Failed, Indeterminate
from harness.clusters.sim import SimCluster
from harness.errors import HarnessError, NodeError, Unsupported
from harness.experiment import resolve
from harness.faults import Evidence, Fault, Status, spans
from harness.plan import Plan
from harness.streams import Streams
from harness.toll import Toll
from harness.watchdog import crashes
from nemeses.kill import Kill
from nemeses.membership import Members
from targets.bundled.raft import raft
from tests.simulated import play

NODES = ["n1", "n2", "n3", "n4", "n5"]


class Council:
    """The members of a toy target. Who leaves is stopped. Answers and effects can be made to differ."""

    def __init__(self, *members: str, fails: list[Any] | None = None, after_s: float = 0) -> None:
        self.names = list(members or NODES)
        self.fails = fails or []
        self.after_s = after_s
        self.diary: list[str] = []

    async def members(self, cluster: Any) -> list[str]:
        if self.names == ["nobody"]:
            raise NodeError("nobody answers")
        return list(self.names)

    async def leave(self, cluster: Any, node: str) -> None:
        self.diary.append(f"leave {node}")
        await self._do(lambda: self.names.remove(node))
        await cluster.processes.kill([node])

    async def join(self, cluster: Any, node: str) -> None:
        self.diary.append(f"join {node}")
        await cluster.processes.start([node])
        await self._do(lambda: self.names.append(node))

    async def _do(self, effect: Any) -> None:
        failure = self.fails.pop(0) if self.fails else None
        if isinstance(failure, Failed):
            raise failure
        if self.after_s:
            asyncio.get_running_loop().call_later(self.after_s, effect)
        elif not isinstance(failure, Indeterminate):
            effect()
        if failure:
            raise failure


def scene(council: Council, *steps: str, targets: Any = "n2", patience: float = 2) -> tuple[list[Evidence], Members]:
    """Injects and heals membership-1 on a simulated cluster, and cleans up; the evidence of each step."""
    cluster = SimCluster(nodes=NODES, streams=Streams(1), run_id="lab")
    target = replace(raft(), membership=council)
    nemesis = Members(patience=patience)
    nemesis.meet(target)
    found: list[Evidence] = []

    async def main() -> None:
        await cluster.create(target)
        fault = Fault("membership-1", "membership", {"targets": [targets], "seed": 1})
        for step in steps:
            if step == "inject":
                found.extend((await nemesis.inject(cluster, fault)).nodes.values())
            elif step == "heal":
                found.extend((await nemesis.heal(cluster, fault)).values())
            else:
                await nemesis.teardown(cluster)

    cluster.run(main)
    return found, nemesis


def test_a_node_leaves_and_joins_and_the_target_s_own_list_is_the_evidence() -> None:
    council = Council()
    [left, joined], _ = scene(council, "inject", "heal", "heal", "teardown")
    assert left == Evidence(Status.APPLIED, {"members": ["n1", "n3", "n4", "n5"]})
    assert joined == Evidence(Status.APPLIED, {"members": NODES})
    assert council.diary == ["leave n2", "join n2"]


def test_a_change_without_an_answer_is_read_back_from_the_members() -> None:
    [left, joined], _ = scene(Council(fails=[Indeterminate("timeout")], after_s=0.7), "inject", "heal")
    assert (left.status, left.why) == (Status.APPLIED, "it came to no answer: timeout")
    assert left.measured["members"] == ["n1", "n3", "n4", "n5"]
    assert joined.status is Status.APPLIED


def test_a_change_that_never_shows_is_indeterminate_and_healed_all_the_same() -> None:
    [left, healed], _ = scene(Council(fails=[Indeterminate("timeout")]), "inject", "heal")
    assert (left.status, left.measured["members"]) == (Status.INDETERMINATE, NODES)
    assert healed == Evidence(Status.APPLIED, {"members": NODES})


def test_a_refusal_is_no_fault_and_leaves_nothing_to_heal() -> None:
    [left], _ = scene(Council(fails=[Failed("unhealthy cluster")]), "inject", "heal", "teardown")
    assert left == Evidence(Status.SKIPPED, why="the target refused: unhealthy cluster")


def test_joining_is_tried_until_it_works() -> None:
    council = Council(fails=[None, Failed("not yet"), Failed("not yet")])
    [_, joined], _ = scene(council, "inject", "heal")
    assert joined.status is Status.APPLIED
    assert council.diary == ["leave n2", "join n2", "join n2", "join n2"]


def test_who_cannot_be_taken_in_is_told_at_the_end() -> None:
    council = Council(fails=[None, *[Failed("never")] * 1000])
    with pytest.raises(HarnessError, match="n2 could not be taken in again: the target refused: never"):
        scene(council, "inject", "teardown")


@pytest.mark.parametrize(
    ("members", "why"),
    [
        (["n1", "n2", "n3"], "only 2 of 5 nodes would still belong"),
        (["n1", "n3", "n4", "n5"], "it does not belong"),
    ],
)
def test_too_few_never_stay_and_who_is_out_cannot_leave(members: list[str], why: str) -> None:
    council = Council(*members)
    [left], _ = scene(council, "inject", "heal", "teardown")
    assert (left.status, left.why) == (Status.SKIPPED, why)
    assert council.diary == []


def test_one_node_of_those_drawn_is_hit_and_told_before() -> None:
    nemesis = Members(targets="minority")
    for seed in range(20):
        draw = nemesis.draw(Random(seed))
        toll = nemesis.toll(NODES, draw)
        assert toll == Toll.holding(toll.nodes) and len(toll.nodes) == 1


def test_a_whole_run_ends_with_everybody_back_whatever_else_went_wrong() -> None:
    council = Council()
    target = replace(raft(), membership=council)
    nemesis = Members(interval=1)
    nemesis.meet(target)
    played = play(target, [nemesis, Kill(interval=1.5)], seed=4, time_s=12, settle_s=1, keep_quorum=True, restart=True)
    faults = [span for span in spans(played.history) if span.family == "membership"]
    assert sum(span.applied for span in faults) >= 3
    assert sorted(council.names) == NODES
    assert crashes(played.history) == [], "who has left is nobody's crash"


def test_a_target_with_fixed_members_is_refused_before_anything_starts() -> None:
    plan = Plan.build({"target": "paxos", "seed": 1, "nemeses": ["membership"], "expect": ["linearizable"]})
    with pytest.raises(Unsupported, match="paxos cannot do membership: its members are fixed"):
        resolve(plan)
