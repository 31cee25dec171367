"""The CP store in the simulator: linearizable under every fault, and the checkers see it when it is not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from checkers.availability import Availability
from checkers.linearizable import Linearizable
from harness.checker import Budget, Result
from harness.client import Failed
from harness.clusters.sim import SimCluster
from harness.faults import spans
from harness.history import History
from harness.nemesis import Nemesis
from harness.node import RpcError
from harness.operation import Type
from harness.streams import Streams
from harness.target import NodeService
from harness.verdict import Verdict
from nemeses.clock import Clock
from nemeses.corruption import Corruption
from nemeses.disk import Disk
from nemeses.kill import Kill
from nemeses.membership import Members
from nemeses.packet import Packet
from nemeses.partition import Partition
from nemeses.pause import Pause
from nemeses.power import Power
from targets.bundled.raft import raft
from targets.toy import Toy
from tests.simulated import play
from workloads.register import Register

NODES = ("n1", "n2", "n3", "n4", "n5")


def linearizable(history: History) -> Result:
    return Linearizable(model="cas-register").check(history, budget=Budget())


def answered(history: History) -> int:
    return sum(op.type is Type.OK for op in history)


def comings_and_goings(interval: float) -> Members:
    nemesis = Members(interval=interval, patience=3)
    nemesis.meet(raft())
    return nemesis


def everything() -> list[Nemesis]:
    return [Partition(interval=4), Kill(interval=5), Pause(interval=5), Clock(interval=3), Packet(interval=4)]


@pytest.mark.parametrize(
    ("nemeses", "seed"),
    [
        ([], 1),
        ([Partition(interval=3)], 1),
        ([Kill(interval=2, targets=["minority", "majority", "all", "primaries"])], 1),
        ([Pause(interval=2, targets=["minority", "majority", "all", "primaries"])], 1),
        ([Clock(interval=2)], 1),
        ([Packet(interval=3)], 1),
        ([Power(interval=2, targets=["minority", "majority", "all", "primaries"])], 1),
        ([Disk(interval=2)], 1),
        ([Corruption(interval=2, kinds=["flip", "rollback"])], 1),
        ([comings_and_goings(1)], 1),
        ([comings_and_goings(1), Kill(interval=3, targets="primaries"), Partition(interval=2)], 1),
        (everything(), 1),
        (everything(), 2),
        (everything(), 3),
        ([*everything(), Power(interval=5), Disk(interval=4)], 4),
    ],
    ids=lambda value: (
        "+".join(nemesis.family for nemesis in value) or "calm" if isinstance(value, list) else str(value)
    ),
)
def test_it_is_linearizable_under_every_fault(nemeses: Sequence[Nemesis], seed: int) -> None:
    played = play(raft(snapshot_records=100), nemeses, seed=seed, time_s=12)
    result = linearizable(played.history)
    assert result.verdict is Verdict.PASS, result.why
    assert {span.family for span in spans(played.history) if span.applied} == {each.family for each in nemeses}
    assert answered(played.history) > 600, "too little was answered to mean anything"
    surprises = [line for lines in played.logs.values() for line in lines if "Traceback" in line]
    assert all("raft.log is damaged" in line for line in surprises)


def test_it_ends_rather_than_serve_from_a_disk_that_fails() -> None:
    for kind in ("full", "read-only", "error"):
        played = play(raft(), [Disk(interval=3, kinds=kind)], seed=1, time_s=8)
        [first, *_] = spans(played.history)
        assert first.applied
        for node in first.resolved["nodes"]:
            assert any('the node exits: "raft.log cannot be made durable' in line for line in played.logs[node])
            assert first.nodes[node].measured["started_again"]["state"] == "running"
        assert linearizable(played.history).verdict is Verdict.PASS


def test_a_log_that_was_cut_short_costs_it_acknowledged_writes_and_is_found() -> None:
    """Raft trusts its disk: who forgets a durable entry may elect a leader that never had it. Not claimed otherwise."""
    for seed in range(5):
        played = play(raft(), [Corruption(interval=3, kinds="truncate")], seed=seed)
        if linearizable(played.history).verdict is Verdict.FAIL:
            return
    pytest.fail("five runs did not show it")


def test_it_is_linearizable_on_a_network_that_repeats_and_reorders_half_of_all_messages() -> None:
    options = {"duplicate": 0.5, "reorder": 0.5, "loss": 0.05}
    played = play(raft(), seed=3, time_s=8, workload=Register(keys=2), **options)
    assert linearizable(played.history).verdict is Verdict.PASS
    assert answered(played.history) > 500


HOT = Register(keys=2, rate=400, concurrency=200)
LOSSY = [Partition(interval=2, grudges="primaries"), Packet(interval=2, behaviours="loss", targets="all")]


@pytest.mark.parametrize(
    ("server", "nemeses", "workload", "options"),
    [
        ("AnswersBeforeSync", [Kill(interval=2, targets=["majority", "all"])], None, {}),
        ("AnswersBeforeSync", [Power(interval=2, targets=["majority", "all"])], None, {}),
        ("ReadsFromMemory", [Partition(interval=2, grudges="primaries")], HOT, {}),
        ("ReadsAnywhere", [], None, {}),
        ("TriesAgain", LOSSY, None, {}),
        ("TakesNoForAnAnswer", LOSSY, None, {}),
        ("AppliesTwice", [], Register(keys=2), {"duplicate": 0.5, "reorder": 0.5}),
    ],
)
def test_what_is_wrong_with_it_is_found(
    server: str, nemeses: Sequence[Nemesis], workload: Register | None, options: dict[str, Any]
) -> None:
    wrong = Toy("wrong", NodeService(f"tests.targets.broken:{server}"), ())
    for seed in range(5):
        played = play(wrong, nemeses, seed=seed, time_s=10, settle_s=2, workload=workload, **options)
        result = linearizable(played.history)
        if result.verdict is Verdict.FAIL:
            assert result.anomalies[0].ops
            return
    pytest.fail("five runs did not show it")


@pytest.mark.parametrize("grudge", ["one", "halves", "majority", "ring", "bridge", "one_way", "primaries"])
def test_whoever_sees_a_majority_is_served(grudge: str) -> None:
    played = play(raft(), [Partition(interval=5, grudges=grudge)], seed=4, time_s=10)
    result = Availability(min=0.99, side="majority", after=2).check(played.history, budget=Budget())
    assert result.verdict is Verdict.PASS, result.why


class Lab:
    """A cluster under a test's own hand."""

    def __init__(self, cluster: SimCluster, target: Toy) -> None:
        self.cluster = cluster
        self.target = target

    async def ask(self, node: str, /, **body: Any) -> dict[str, Any]:
        connection = await self.cluster.connect(node)
        try:
            return await connection.call(body)
        finally:
            await connection.close()

    async def leader(self) -> str:
        [leader] = await self.target.primaries(self.cluster)
        return leader

    async def members(self) -> list[str]:
        assert self.target.membership is not None
        return [*await self.target.membership.members(self.cluster)]

    async def leave(self, node: str) -> None:
        assert self.target.membership is not None
        await self.target.membership.leave(self.cluster, node)

    async def join(self, node: str) -> None:
        assert self.target.membership is not None
        await self.target.membership.join(self.cluster, node)

    async def terms(self) -> set[int]:
        return {(await self.ask(node, type="status"))["term"] for node in NODES}


def in_lab(scene: Any, seed: int = 1, **options: Any) -> None:
    cluster = SimCluster(nodes=NODES, streams=Streams(seed), run_id="lab")
    target = raft(**options)

    async def main() -> None:
        await cluster.create(target)
        await target.ready(cluster)
        await scene(Lab(cluster, target))

    cluster.run(main)


def test_any_server_takes_requests() -> None:
    async def scene(lab: Lab) -> None:
        for value, node in enumerate(NODES):
            assert await lab.ask(node, type="write", key="x", value=value) == {"type": "write_ok", "in_reply_to": 1}
            for other in NODES:
                assert (await lab.ask(other, type="read", key="x"))["value"] == value
        assert (await lab.ask("n1", type="read", key="y"))["value"] is None
        assert (await lab.ask("n2", type="cas", key="x", **{"from": 4, "to": 9}))["type"] == "cas_ok"
        with pytest.raises(RpcError) as refused:
            await lab.ask("n3", type="cas", key="x", **{"from": 4, "to": 10})
        assert (refused.value.code, refused.value.extra["current"]) == (22, 9)

    in_lab(scene)


def test_only_a_leader_changes_members_and_only_nodes_are_members() -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        follower = next(node for node in NODES if node != leader)
        for kind in ("join", "leave", "members"):
            with pytest.raises(RpcError) as refused:
                await lab.ask(follower, type=kind, node="n1")
            assert refused.value.code == 11
        for bad in ("n9", 7, None, ["n1"]):
            for kind in ("join", "leave"):
                with pytest.raises(RpcError) as refused:
                    await lab.ask(leader, type=kind, node=bad)
                assert refused.value.code == 12
        assert await lab.members() == [*NODES]

    in_lab(scene)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "read"},
        {"type": "write", "key": "x"},
        {"type": "cas", "key": "x", "from": 1},
        {"type": "read", "key": ["x"]},
        {"type": "write", "key": True, "value": 1},
    ],
)
def test_malformed_requests_are_refused(body: dict[str, Any]) -> None:
    async def scene(lab: Lab) -> None:
        for node in NODES:
            with pytest.raises(RpcError) as refused:
                await lab.ask(node, **body)
            assert refused.value.code == 12

    in_lab(scene)


def test_everything_acknowledged_survives_the_end_of_all_servers() -> None:
    async def scene(lab: Lab) -> None:
        for value in range(50):
            await lab.ask(NODES[value % 5], type="write", key=value, value=value)
        for _ in range(3):
            await lab.cluster.processes.kill(NODES)
            await lab.cluster.processes.start(NODES)
            await lab.target.ready(lab.cluster)
        found = [(await lab.ask(NODES[value % 5], type="read", key=value))["value"] for value in range(50)]
        assert found == list(range(50))

    in_lab(scene)


def test_a_server_that_was_away_is_sent_what_the_others_have_forgotten_the_entries_of() -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        lonely = next(node for node in NODES if node != leader)
        await lab.cluster.processes.kill([lonely])
        for value in range(200):
            await lab.ask(leader, type="write", key=value % 7, value=value)
        await lab.cluster.processes.start([lonely])
        await asyncio.sleep(1)
        status = await lab.ask(lonely, type="status")
        assert status["snapshot"] > 150, "it has forgotten them, too"
        others = [node for node in NODES if node not in (lonely, leader)]
        await lab.cluster.processes.kill([leader, others[0]])
        await asyncio.sleep(2)
        found = [(await lab.ask(lonely, type="read", key=key))["value"] for key in range(7)]
        assert found == [max(range(key, 200, 7)) for key in range(7)], "it is needed for every majority now"

    in_lab(scene, snapshot_records=20)


def test_those_that_left_are_not_needed_and_come_back_with_everything() -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        gone = [node for node in NODES if node != leader][:2]
        for node in gone:
            await lab.leave(node)
        stay = [node for node in NODES if node not in gone]
        assert await lab.members() == stay
        assert (await lab.ask(gone[0], type="write", key="x", value=1))["type"] == "write_ok", "it knows whom to ask"
        await lab.cluster.processes.kill([*gone, next(node for node in stay if node != leader)])
        for value in range(100):
            await lab.ask(leader, type="write", key="x", value=value)
        with pytest.raises(Failed, match="did not catch up"):
            await lab.join(gone[0])
        await lab.cluster.processes.start(NODES)
        for node in gone:
            await lab.join(node)
        assert await lab.members() == [*NODES]
        await lab.cluster.processes.kill(stay[:2])
        await asyncio.sleep(2)
        assert (await lab.ask(gone[0], type="read", key="x"))["value"] == 99

    in_lab(scene, snapshot_records=20)


def test_a_leader_that_leaves_resigns_and_does_not_stand_again() -> None:
    async def scene(lab: Lab) -> None:
        for left in range(4):
            leader = await lab.leader()
            await lab.ask(leader, type="write", key="x", value=left)
            await lab.leave(leader)
            await asyncio.sleep(2)
            assert await lab.leader() != leader
            assert len(await lab.members()) == 4 - left
        last = await lab.leader()
        assert await lab.members() == [last]
        with pytest.raises(Failed, match="is the last member"):
            await lab.leave(last)
        await lab.cluster.processes.kill([node for node in NODES if node != last])
        assert (await lab.ask(last, type="read", key="x"))["value"] == 3
        await lab.cluster.processes.kill(NODES)
        await lab.cluster.processes.start(NODES)
        await asyncio.sleep(2)
        assert await lab.members() == [last], "all of them know it from their disks, or find out"

    in_lab(scene)


def test_what_a_server_keeps_does_not_grow_with_what_was_done() -> None:
    async def scene(lab: Lab) -> None:
        for _ in range(6):
            for value in range(100):
                await lab.ask(NODES[value % 5], type="write", key=value % 3, value=value)
            for node in NODES:
                records = (lab.cluster._machines[node].disk.read("raft.log") or b"").count(b"\n")
                status = await lab.ask(node, type="status")
                assert status["last"] - status["snapshot"] < 60 and records < 60, "neither in memory nor on disk"

    in_lab(scene, snapshot_records=40)


@pytest.mark.parametrize("direction", ["both", "deaf", "mute"])
def test_a_follower_that_comes_back_does_not_disturb_its_leader(direction: str) -> None:
    async def scene(lab: Lab) -> None:
        leader, terms = await lab.leader(), await lab.terms()
        lonely = next(node for node in NODES if node != leader)
        others = [node for node in NODES if node != lonely]
        deaf, mute = {lonely: others}, {node: [lonely] for node in others}
        await lab.cluster.network.cut("f", {"both": deaf | mute, "deaf": deaf, "mute": mute}[direction])
        await asyncio.sleep(10)
        await lab.cluster.network.mend("f")
        await asyncio.sleep(2)
        assert (await lab.leader(), await lab.terms()) == (leader, terms)
        assert (await lab.ask(lonely, type="read", key="x"))["value"] is None

    in_lab(scene)


@pytest.mark.parametrize("direction", ["both", "deaf", "mute"])
def test_a_leader_without_a_majority_resigns_and_refuses_and_another_one_takes_over(direction: str) -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        others = [node for node in NODES if node != leader]
        deaf, mute = {leader: others}, {node: [leader] for node in others}
        await lab.cluster.network.cut("f", {"both": deaf | mute, "deaf": deaf, "mute": mute}[direction])
        await asyncio.sleep(2)
        assert await lab.leader() in others
        await lab.ask(others[0], type="write", key="x", value=1)
        with pytest.raises(RpcError) as refused:
            await lab.ask(leader, type="read", key="x")
        assert refused.value.code == 11
        await lab.cluster.network.mend("f")
        await asyncio.sleep(1)
        assert (await lab.ask(leader, type="read", key="x"))["value"] == 1

    in_lab(scene)


def test_a_write_whose_leader_is_cut_off_is_left_open_and_a_read_is_refused() -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        others = [node for node in NODES if node != leader]
        await lab.cluster.network.cut("f", {leader: others} | {node: [leader] for node in others})
        codes = await asyncio.gather(
            lab.ask(leader, type="write", key="x", value=1),
            lab.ask(leader, type="read", key="x"),
            lab.ask(others[0], type="write", key="x", value=2),
            lab.ask(others[0], type="read", key="x"),
            return_exceptions=True,
        )
        assert [getattr(code, "code", code) for code in codes] == [0, 11, 0, 11]

    in_lab(scene)


def test_a_write_that_was_overwritten_is_refused_for_sure() -> None:
    async def scene(lab: Lab) -> None:
        leader = await lab.leader()
        others = [node for node in NODES if node != leader]
        await lab.cluster.network.cut("f", {leader: others} | {node: [leader] for node in others})
        lost = asyncio.create_task(lab.ask(leader, type="write", key="x", value=1))
        await asyncio.sleep(0.55)
        await lab.cluster.network.mend("f")
        with pytest.raises(RpcError) as refused:
            await lost
        assert refused.value.code == 14, "a new leader was elected meanwhile, and its entry is in this one's place"
        assert (await lab.ask(leader, type="read", key="x"))["value"] is None

    in_lab(scene)


@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 7])
def test_clusters_of_other_sizes_work(nodes: int) -> None:
    played = play(raft(), [Kill(interval=2, targets="one")], seed=1, nodes=nodes, time_s=8)
    assert linearizable(played.history).verdict is Verdict.PASS
    assert answered(played.history) > 200


def test_equal_seeds_give_equal_histories() -> None:
    nemeses = [Partition(interval=3), Kill(interval=3), Clock(interval=3)]
    first, second = (play(raft(), nemeses, seed=9, time_s=8).history for _ in range(2))
    assert [*first] == [*second]
    assert len(Counter(op.f for op in first)) > 8
