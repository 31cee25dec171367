"""The AP store in the simulator: it always answers, all servers agree in the end, and it is not linearizable."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.availability import Availability
from checkers.convergence import Convergence
from checkers.linearizable import Linearizable
from harness.checker import Budget
from harness.clusters.sim import SimCluster
from harness.nemesis import Nemesis
from harness.node import RpcError
from harness.streams import Streams
from harness.verdict import Verdict
from nemeses.clock import Clock
from nemeses.kill import Kill
from nemeses.packet import Packet
from nemeses.partition import Partition
from nemeses.pause import Pause
from targets.bundled.multi_leader import multi_leader
from targets.toys.multi_leader import MultiLeader
from tests.simulated import play

NODES = ("n1", "n2", "n3", "n4", "n5")


@pytest.mark.parametrize(
    "nemeses",
    [
        [Partition(interval=3)],
        [Partition(interval=3, grudges="random")],
        [Kill(interval=2, targets=["minority", "majority", "all"])],
        [Clock(interval=2)],
        [Packet(interval=2)],
        [Partition(interval=4), Kill(interval=5), Pause(interval=5), Clock(interval=3), Packet(interval=4)],
    ],
    ids=lambda nemeses: "+".join(nemesis.family for nemesis in nemeses),
)
def test_all_servers_agree_in_the_end(nemeses: Sequence[Nemesis]) -> None:
    played = play(multi_leader(), nemeses, seed=1, time_s=12)
    result = Convergence(within=5).check(played.history, budget=Budget())
    assert result.verdict is Verdict.PASS, result.why
    assert result.stats["keys"] == 20
    assert not any("Traceback" in line for lines in played.logs.values() for line in lines)


@pytest.mark.parametrize("nemesis", [Partition(interval=3, grudges="random"), Clock(interval=2), Packet(interval=2)])
def test_every_side_is_always_served(nemesis: Nemesis) -> None:
    played = play(multi_leader(), [nemesis], seed=2, time_s=10)
    result = Availability(min=1.0).check(played.history, budget=Budget())
    assert result.verdict is Verdict.PASS, result.why


def test_it_is_not_linearizable_and_that_is_seen() -> None:
    played = play(multi_leader(), [Partition(interval=3)], seed=1, time_s=8)
    result = Linearizable(model="cas-register").check(played.history, budget=Budget())
    assert result.verdict is Verdict.FAIL
    assert all(0 < len(anomaly.ops) <= 12 for anomaly in result.anomalies)


class Lab:
    """A cluster under a test's own hand."""

    def __init__(self, cluster: SimCluster) -> None:
        self.cluster = cluster

    async def ask(self, node: str, **body: Any) -> dict[str, Any]:
        connection = await self.cluster.connect(node)
        try:
            return await connection.call(body)
        finally:
            await connection.close()

    async def values(self, key: str) -> list[Any]:
        return [(await self.ask(node, type="read", key=key))["value"] for node in NODES]

    async def isolate(self, node: str) -> None:
        others = [other for other in NODES if other != node]
        await self.cluster.network.cut("f", {node: others} | {other: [node] for other in others})


def in_lab(scene: Any) -> None:
    cluster = SimCluster(nodes=NODES, streams=Streams(1), run_id="lab")
    target = multi_leader()

    async def main() -> None:
        await cluster.create(target)
        await target.ready(cluster)
        await scene(Lab(cluster))

    cluster.run(main)


def test_the_later_write_wins_and_the_other_is_lost_though_acknowledged() -> None:
    async def scene(lab: Lab) -> None:
        await lab.isolate("n1")
        await lab.ask("n1", type="write", key="x", value="alone")
        await asyncio.sleep(0.1)
        await lab.ask("n2", type="write", key="x", value="later")
        await asyncio.sleep(1)
        assert await lab.values("x") == ["alone", "later", "later", "later", "later"]
        await lab.cluster.network.mend("f")
        await asyncio.sleep(4)
        assert await lab.values("x") == ["later"] * 5

    in_lab(scene)


def test_a_server_with_a_slow_clock_loses_even_the_later_write() -> None:
    async def scene(lab: Lab) -> None:
        await lab.cluster.clocks.skew("n1", -5000)
        await lab.ask("n2", type="write", key="x", value="first")
        await asyncio.sleep(0.1)
        await lab.ask("n1", type="write", key="x", value="second")
        await asyncio.sleep(2)
        assert await lab.values("x") == ["first"] * 5

    in_lab(scene)


def test_a_clock_set_back_never_undoes_a_servers_own_writes() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n1", type="write", key="x", value=1)
        await lab.cluster.clocks.skew("n1", -60_000)
        await lab.ask("n1", type="write", key="x", value=2)
        await lab.cluster.processes.kill(["n1"])
        await lab.cluster.processes.start(["n1"])
        await lab.ask("n1", type="write", key="x", value=3)
        await asyncio.sleep(2)
        assert await lab.values("x") == [3] * 5

    in_lab(scene)


def test_both_sides_of_a_compare_and_set_succeed() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n1", type="write", key="x", value=1)
        await asyncio.sleep(0.5)
        await lab.isolate("n1")
        for node, value in (("n1", 2), ("n2", 3)):
            assert (await lab.ask(node, type="cas", key="x", **{"from": 1, "to": value}))["type"] == "cas_ok"
        with pytest.raises(RpcError) as refused:
            await lab.ask("n1", type="cas", key="x", **{"from": 1, "to": 4})
        assert (refused.value.code, refused.value.extra["current"]) == (22, 2)

    in_lab(scene)


def test_everything_acknowledged_survives_the_end_of_all_servers() -> None:
    async def scene(lab: Lab) -> None:
        for value in range(50):
            await lab.ask(NODES[value % 5], type="write", key=str(value), value=value)
        await lab.cluster.processes.kill(NODES)
        await lab.cluster.processes.start(NODES)
        await asyncio.sleep(4)
        for value in range(50):
            assert await lab.values(str(value)) == [value] * 5

    in_lab(scene)


def test_a_server_that_missed_thousands_of_writes_gets_them_all() -> None:
    async def scene(lab: Lab) -> None:
        await lab.isolate("n5")
        for value in range(2000):
            await lab.ask("n1", type="write", key=value, value=value)
        await lab.cluster.network.mend("f")
        await asyncio.sleep(8)
        status = await lab.ask("n5", type="status")
        assert status["keys"] == 2000

    in_lab(scene)


class Host:
    """Just enough for versions to be merged without a cluster."""

    name = "n1"
    nodes = ("n1",)
    clock = disk = None
    random = Random(0)

    def send(self, dest: str, body: Any) -> None:
        raise AssertionError("nobody to send to")


VERSIONS = st.lists(
    st.tuples(st.sampled_from(["x", 1]), st.integers(0, 3), st.integers(0, 3), st.sampled_from(["n2", "n3"])).map(list),
    max_size=12,
)


@given(VERSIONS, st.randoms(use_true_random=False))
def test_the_order_in_which_versions_come_makes_no_difference(versions: list[Any], random: Any) -> None:
    first, second = MultiLeader(Host()), MultiLeader(Host())  # type: ignore[arg-type]
    shuffled = versions + versions[:3]
    random.shuffle(shuffled)
    for version in versions:
        first.take(version)
    for version in shuffled:
        second.take(version)
    assert first._versions == second._versions
    assert first.held.sums == second.held.sums
    for key, version in first._versions.items():
        assert version[2:] == max(other[2:] for other in versions if other[0] == key)
