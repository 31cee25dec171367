"""Each nemesis on a simulated cluster: what it does, what it proves, and that nothing is left of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from harness import grudges
from harness.clusters.sim import SimCluster
from harness.errors import NodeError, Unsupported, UsageError
from harness.faults import Evidence, Fault, Injection, Status
from harness.nemesis import Nemesis
from harness.streams import Streams
from nemeses.clock import Clock
from nemeses.corruption import Corruption
from nemeses.disk import Disk
from nemeses.kill import Kill
from nemeses.packet import Packet
from nemeses.partition import DEFAULT, Partition
from nemeses.pause import Pause
from nemeses.power import Power
from targets.bundled.raft import raft

NODES = ["n1", "n2", "n3", "n4", "n5"]

Scene = Callable[[SimCluster], Coroutine[Any, Any, None]]


def on_cluster(scene: Scene, nodes: list[str] | None = None) -> None:
    cluster = SimCluster(nodes=nodes or NODES, streams=Streams(1), run_id="lab")
    target = raft()

    async def main() -> None:
        await cluster.create(target)
        await target.ready(cluster)
        await scene(cluster)

    cluster.run(main)


async def inject(cluster: SimCluster, nemesis: Nemesis, id: str = "f-1", **draw: Any) -> Injection:
    return await nemesis.inject(cluster, Fault(id, nemesis.family, {"seed": 7, **draw}))


async def heal(cluster: SimCluster, nemesis: Nemesis, id: str = "f-1") -> dict[str, Evidence]:
    return dict(await nemesis.heal(cluster, Fault(id, nemesis.family, {})))


async def states(cluster: SimCluster) -> dict[str, str]:
    return {name: machine.state for name, machine in cluster._machines.items()}


def statuses(evidence: Any) -> dict[str, str]:
    return {node: one.status.value for node, one in evidence.items()}


# Partition


def test_a_cut_is_in_force_and_proves_itself_by_what_it_dropped() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Partition()
        await nemesis.setup(cluster)
        injection = await inject(cluster, nemesis, grudge="halves")
        drops = injection.resolved["drops"]
        assert drops == grudges.draw("halves", NODES, Random(7))
        assert {node: one.measured["drops_from"] for node, one in injection.nodes.items()} == drops
        await asyncio.sleep(1)
        healed = await heal(cluster, nemesis)
        assert healed.keys() == drops.keys()
        assert all(one.measured["drops_from"] == [] for one in healed.values())
        assert sum(one.measured["dropped_packets"] for one in healed.values()) > 0
        assert await heal(cluster, nemesis) == {}, "healing again does no harm"

    on_cluster(scene)


def test_an_explicit_grudge_is_used_as_it_is() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Partition(grudges={"n3": ["n2", "n1"]})
        await nemesis.setup(cluster)
        draw = nemesis.draw(Random(1))
        injection = await inject(cluster, nemesis, **draw)
        assert injection.resolved == {"drops": {"n3": ["n1", "n2"]}}

    on_cluster(scene)


def test_a_cut_around_everybody_hits_nobody() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Partition(grudges="primaries")
        injection = await inject(cluster, nemesis, grudge="primaries", primaries=NODES)
        assert injection == Injection({"drops": {}}, {})
        assert await heal(cluster, nemesis) == {}

    on_cluster(scene)


@pytest.mark.parametrize(
    ("options", "nodes", "why"),
    [
        ({"grudges": {"n9": ["n1"]}}, NODES, "no node 'n9'"),
        ({"grudges": {"n1": ["n9"]}}, NODES, "no node 'n9'"),
        ({"grudges": {"n1": ["n1"]}}, NODES, "n1 cannot be cut off from itself"),
        ({"grudges": "ring"}, ["n1", "n2"], "ring needs at least 3 nodes"),
        ({}, ["n1"], "needs at least 2 nodes"),
    ],
)
def test_grudges_that_do_not_fit_the_cluster_are_refused(options: dict[str, Any], nodes: list[str], why: str) -> None:
    async def scene(cluster: SimCluster) -> None:
        with pytest.raises(UsageError, match=why):
            await Partition(**options).setup(cluster)

    on_cluster(scene, nodes)


@pytest.mark.parametrize("raw", ["rign", [], 3, ["one", "two"], {}, {"n1": "n2"}, [{"n1": 2}]])
def test_grudges_of_another_form_are_refused(raw: Any) -> None:
    with pytest.raises(UsageError, match="partition: grudges must be one or several of one, halves"):
        Partition(grudges=raw)


def test_default_grudges_are_those_that_the_cluster_is_large_enough_for() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Partition()
        await nemesis.setup(cluster)
        drawn = {nemesis.draw(Random(seed))["grudge"] for seed in range(100)}
        assert drawn == {"one", "halves", "one_way", "primaries"}
        with pytest.raises(UsageError, match="majority needs at least 3 nodes"):
            await Partition(grudges="majority").setup(cluster)

    on_cluster(scene, ["n1", "n2"])


def test_every_default_grudge_is_drawn() -> None:
    drawn = {Partition().draw(Random(seed))["grudge"] for seed in range(100)}
    assert drawn == set(DEFAULT) == set(grudges.NAMES) - {"random"}


# Kill and pause


def test_a_kill_ends_the_service_and_healing_starts_it_again() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Kill()
        injection = await inject(cluster, nemesis, targets=["n2", "n4"])
        assert injection.resolved == {"nodes": ["n2", "n4"]}
        assert all(one.measured["state"] == "killed" for one in injection.nodes.values())
        assert set((await states(cluster)).items()) >= {("n2", "killed"), ("n4", "killed"), ("n1", "running")}
        healed = await heal(cluster, nemesis)
        assert {node: one.measured["state"] for node, one in healed.items()} == {"n2": "running", "n4": "running"}
        assert set((await states(cluster)).values()) == {"running"}

    on_cluster(scene)


def test_a_node_is_dead_until_no_kill_wants_it_dead() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Kill()
        await inject(cluster, nemesis, "kill-1", targets=["n1", "n2"])
        second = await inject(cluster, nemesis, "kill-2", targets=["n2", "n3"])
        assert statuses(second.nodes) == {"n2": "skipped", "n3": "applied"}
        await heal(cluster, nemesis, "kill-2")
        assert set((await states(cluster)).items()) >= {("n2", "killed"), ("n3", "running")}, "the first holds n2"
        await heal(cluster, nemesis, "kill-1")
        assert set((await states(cluster)).values()) == {"running"}

    on_cluster(scene)


def test_two_kills_of_one_node_at_once_leave_it_to_the_last_to_start_it() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Kill()
        await inject(cluster, nemesis, "kill-1", targets=["n1"])
        await cluster.processes.start(["n1"])
        await inject(cluster, nemesis, "kill-2", targets=["n1"])
        first = await heal(cluster, nemesis, "kill-1")
        assert (first["n1"].status, first["n1"].why) == (Status.SKIPPED, "another fault still holds this node down")
        assert (await states(cluster))["n1"] == "killed"
        assert statuses(await heal(cluster, nemesis, "kill-2")) == {"n1": "applied"}

    on_cluster(scene)


def test_what_somebody_else_took_down_stays_down() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Kill()
        await cluster.processes.kill(["n1"])
        injection = await inject(cluster, nemesis, targets=["n1", "n2"])
        assert statuses(injection.nodes) == {"n1": "skipped", "n2": "applied"}
        assert statuses(await heal(cluster, nemesis)) == {"n2": "applied"}
        assert (await states(cluster))["n1"] == "killed"
        await nemesis.teardown(cluster)
        assert (await states(cluster))["n1"] == "running", "after the run, everything is up"

    on_cluster(scene)


class Fragile:
    """The process capability of a cluster, which fails half way through."""

    def __init__(self, cluster: SimCluster, fails: str) -> None:
        self.inner = cluster.processes
        self.fails: str | None = fails

    def __getattr__(self, name: str) -> Any:
        async def call(nodes: list[str]) -> Any:
            if name == self.fails:
                await getattr(self.inner, name)(nodes[:1])
                raise NodeError("half way")
            return await getattr(self.inner, name)(nodes)

        return call


class Broken:
    """A cluster whose processes are `Fragile`."""

    def __init__(self, cluster: SimCluster, fails: str) -> None:
        self.nodes = cluster.nodes
        self.processes = Fragile(cluster, fails)


@pytest.mark.parametrize(("nemesis", "step"), [(Kill(), "kill"), (Pause(), "pause")])
def test_what_an_injection_left_half_done_is_healed(nemesis: Nemesis, step: str) -> None:
    async def scene(cluster: SimCluster) -> None:
        broken: Any = Broken(cluster, step)
        with pytest.raises(NodeError):
            await inject(broken, nemesis, targets=["n1", "n2"])
        assert (await states(cluster))["n1"] != "running"
        await heal(broken, nemesis)
        assert set((await states(cluster)).values()) == {"running"}

    on_cluster(scene)


@pytest.mark.parametrize(("nemesis", "step"), [(Kill(), "start"), (Pause(), "resume")])
def test_a_healing_that_failed_is_done_by_the_next(nemesis: Nemesis, step: str) -> None:
    async def scene(cluster: SimCluster) -> None:
        broken: Any = Broken(cluster, step)
        await inject(broken, nemesis, targets=["n1", "n2"])
        with pytest.raises(NodeError):
            await heal(broken, nemesis)
        broken.processes.fails = None
        assert statuses(await heal(broken, nemesis))["n2"] == "applied"
        assert set((await states(cluster)).values()) == {"running"}

    on_cluster(scene)


def test_a_pause_stops_a_node_and_healing_tells_for_how_long() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Pause()
        injection = await inject(cluster, nemesis, targets=["n2"])
        assert injection.nodes["n2"].measured == {"state": "paused"}
        await asyncio.sleep(3)
        healed = await heal(cluster, nemesis)
        assert healed["n2"].measured["paused_ms"] == pytest.approx(3000)
        assert (await states(cluster))["n2"] == "running"

    on_cluster(scene)


def test_kills_and_pauses_get_along() -> None:
    async def scene(cluster: SimCluster) -> None:
        kill, pause = Kill(), Pause()
        await inject(cluster, kill, "kill-1", targets=["n1"])
        late = await inject(cluster, pause, "pause-1", targets=["n1", "n2"])
        assert statuses(late.nodes) == {"n1": "skipped", "n2": "applied"}
        assert "killed" in late.nodes["n1"].why
        taken = await inject(cluster, kill, "kill-2", targets=["n2"])
        assert statuses(taken.nodes) == {"n2": "applied"}, "a paused node can be killed"
        await heal(cluster, kill, "kill-2")
        assert (await states(cluster))["n2"] == "running", "it comes back awake"
        assert statuses(await heal(cluster, pause, "pause-1")) == {"n2": "skipped"}
        assert (await states(cluster))["n1"] == "killed", "resuming is not starting"
        await heal(cluster, kill, "kill-1")
        assert set((await states(cluster)).values()) == {"running"}

    on_cluster(scene)


def test_primaries_are_those_the_draw_came_with() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Kill(targets="primaries")
        injection = await inject(cluster, nemesis, targets="primaries", primaries=["n3"])
        assert injection.resolved == {"nodes": ["n3"]}
        instead = await inject(cluster, nemesis, "f-2", targets="primaries", primaries=[])
        assert len(instead.nodes) == 1, "while there is none, one node stands in for it"

    on_cluster(scene)


# Clock


def test_a_bumped_clock_is_read_back_and_set_right_again() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Clock(max="5s", kinds="bump")
        injection = await inject(cluster, nemesis, kind="bump", max_ms=5000.0, targets="minority")
        offsets = injection.resolved["offsets_ms"]
        assert len(offsets) == 2 and all(0 < abs(offset) <= 5000 for offset in offsets.values())
        read = await cluster.clocks.offsets()
        assert {node: read[node] for node in offsets} == pytest.approx(offsets, abs=1e-3)
        assert {node: one.measured["offset_ms"] for node, one in injection.nodes.items()} == {
            node: read[node] for node in offsets
        }
        healed = await heal(cluster, nemesis)
        assert all(one.measured == {"offset_ms": 0.0} for one in healed.values())
        assert set((await cluster.clocks.offsets()).values()) == {0.0}

    on_cluster(scene)


def test_a_strobing_clock_flips_until_it_is_healed() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Clock(kinds="strobe")
        injection = await inject(cluster, nemesis, kind="strobe", max_ms=1000.0, targets=["n1", "n2"])
        period_s = injection.resolved["period_ms"] / 1000
        seen = set()
        for _ in range(200):
            await asyncio.sleep(period_s / 2)
            seen.add(round((await cluster.clocks.offsets())["n1"], 3))
        assert seen == {0.0, round(injection.resolved["offsets_ms"]["n1"], 3)}
        healed = await heal(cluster, nemesis)
        assert 95 < healed["n1"].measured["flips"] < 105
        await asyncio.sleep(5)
        assert set((await cluster.clocks.offsets()).values()) == {0.0}, "it flips no more"

    on_cluster(scene)


def test_a_drifting_clock_gains_exactly_its_rate_until_it_is_set_right() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Clock(kinds="drift")
        await cluster.clocks.skew("n1", 250.0)
        injection = await inject(cluster, nemesis, kind="drift", max_ppm=100_000, targets=["n1", "n2"])
        rates = injection.resolved["ppm"]
        assert {node: one.measured["ppm"] for node, one in injection.nodes.items()} == rates
        assert all(rates.values()) and rates["n1"] != rates["n2"]
        await asyncio.sleep(10)
        offsets = await cluster.clocks.offsets()
        assert offsets == {"n1": 250 + rates["n1"] / 100, "n2": rates["n2"] / 100, "n3": 0, "n4": 0, "n5": 0}
        healed = await heal(cluster, nemesis)
        assert healed["n1"].measured == {"offset_ms": 0.0, "drifted_to_ms": offsets["n1"]}
        await asyncio.sleep(10)
        assert set((await cluster.clocks.offsets()).values()) == {0.0}, "it drifts no more"

    on_cluster(scene)


def test_every_kind_of_wrong_clock_is_drawn_with_how_far() -> None:
    draws = [Clock(max=2, drift=0.5).draw(Random(seed)) for seed in range(60)]
    assert {draw["kind"] for draw in draws} == {"bump", "strobe", "reset", "drift"}
    assert {draw["max_ppm"] for draw in draws if draw["kind"] == "drift"} == {500_000}
    assert {draw["max_ms"] for draw in draws if draw["kind"] != "drift"} == {2000}
    with pytest.raises(UsageError, match=r"clock: drift must be a number from 0.001 to 0.9"):
        Clock(drift=1)


def test_a_reset_jumps_away_and_back_at_once() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Clock(kinds="reset")
        injection = await inject(cluster, nemesis, kind="reset", max_ms=1000.0, targets=["n1"])
        measured = injection.nodes["n1"].measured
        assert measured["offset_ms"] == pytest.approx(injection.resolved["offsets_ms"]["n1"], abs=1e-3)
        assert measured["reset_offset_ms"] == 0.0 == (await cluster.clocks.offsets())["n1"]

    on_cluster(scene)


def test_a_clock_that_cannot_be_set_any_more_ends_the_strobe_and_is_told() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Clock(kinds="strobe")
        await inject(cluster, nemesis, kind="strobe", max_ms=1000.0, targets=["n1"])
        [strobe] = nemesis._strobes.values()
        working, cluster.clocks = cluster.clocks, Refusing()  # type: ignore[assignment]
        strobe.task.cancel()
        nemesis._strobe("f-1", cluster.clocks, {"n1": 1.0}, 0.01)
        await asyncio.sleep(1)
        cluster.clocks = working
        healed = await heal(cluster, nemesis)
        assert healed["n1"].why == "strobing had ended: no ptrace"
        assert (await cluster.clocks.offsets())["n1"] == 0.0

    on_cluster(scene)


class Refusing:
    async def skew(self, node: str, offset_ms: float) -> Evidence:
        raise NodeError("no ptrace")


def test_offsets_stay_within_the_maximum_and_come_in_all_sizes() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Clock(max=1, kinds=["bump", "strobe", "reset"])
        sizes = set()
        for seed in range(60):
            draw = nemesis.draw(Random(seed)) | {"kind": "reset"}
            injection = await nemesis.inject(cluster, Fault(f"f-{seed}", "clock", draw | {"primaries": ["n1"]}))
            await heal(cluster, nemesis, f"f-{seed}")
            sizes |= {abs(offset) for offset in injection.resolved["offsets_ms"].values()}
        assert max(sizes) == 1000 and min(sizes) < 2 and len(sizes) > 8

    on_cluster(scene)


def test_a_cut_can_be_a_refusal_which_the_simulator_has_none_of() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Partition(grudges="halves", manner="reject")
        assert SimCluster.probe()["reject"] and nemesis.needs == {"reject"}
        with pytest.raises(Unsupported, match="no connections to reset"):
            await inject(cluster, nemesis, **nemesis.draw(Random(1)))

    on_cluster(scene)
    assert Partition().needs == {"partition"}
    both = Partition(manner=["drop", "reject"])
    assert both.needs == {"partition", "reject"}
    assert {both.draw(Random(seed)).get("manner", "drop") for seed in range(20)} == {"drop", "reject"}
    with pytest.raises(UsageError, match="manner must be one or several of drop, reject"):
        Partition(manner="shout")


# Packet


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": 0}, "loss must be a chance above 0 and at most 1, or 100%, not 0"),
        ({"duplicate": "200%"}, "duplicate must be a chance"),
        ({"reorder": True}, "reorder must be a chance"),
        ({"rate": 1000}, "rate: 1000 is not a rate"),
        ({"rate": "1bit"}, "rate in kbit must be a number from 1 to"),
        ({"behaviours": "corrupt"}, "behaviours must be one or several of delay, loss, duplicate, reorder, rate"),
    ],
)
def test_amounts_that_are_none_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Packet(**options)


@pytest.mark.parametrize(
    ("behaviour", "counter"),
    [("loss", "lost_packets"), ("duplicate", "duplicated_packets"), ("reorder", "reordered_packets")],
)
def test_a_shape_disturbs_what_its_nodes_send(behaviour: str, counter: str) -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Packet(behaviours=behaviour)
        [leader] = await raft().primaries(cluster)
        injection = await inject(cluster, nemesis, **nemesis.draw(Random(1)) | {"targets": [leader]})
        assert injection.resolved["shape"] == {behaviour: 0.2}
        assert injection.nodes[leader].measured[behaviour] == pytest.approx(0.2)
        await asyncio.sleep(5)
        healed = await heal(cluster, nemesis)
        assert healed[leader].measured[counter] > 5
        assert healed[leader].measured[behaviour] == 0

    on_cluster(scene)


def test_every_behaviour_is_drawn_and_has_its_amount() -> None:
    nemesis = Packet(delay="20ms", jitter="5ms", loss="10%", rate="64kbit")
    shapes = [nemesis.draw(Random(seed))["shape"] for seed in range(100)]
    assert {tuple(shape) for shape in shapes} == {
        ("delay_ms", "jitter_ms"),
        ("loss",),
        ("duplicate",),
        ("reorder",),
        ("rate_kbit",),
    }
    assert {"delay_ms": 20.0, "jitter_ms": 5.0} in shapes and {"loss": 0.1} in shapes and {"rate_kbit": 64.0} in shapes


# All of them


@pytest.mark.parametrize(
    ("make", "options", "why"),
    [
        (Kill, {"interval": "soon"}, "kill: interval: 'soon' is not a duration"),
        (Kill, {"interval": 0}, "kill: interval must lie between 0.01 s and 86400 s"),
        (Kill, {"targets": "none"}, "kill: targets must be one or several of"),
        (Pause, {"targets": [1]}, "pause: targets must be one or several of"),
        (Clock, {"max": 0}, "clock: max must lie between"),
        (Clock, {"kinds": ["jump"]}, "clock: kinds must be one or several of bump, strobe, reset"),
        (Packet, {"behaviours": "mangle"}, "packet: behaviours must be one or several of delay, loss"),
        (Packet, {"loss": 2}, "packet: loss must be a chance above 0 and at most 1, or 100%, not 2"),
        (Packet, {"delay": "-1s"}, "packet: delay"),
        (Partition, {"interval": True}, "partition: interval"),
        (Disk, {"kinds": "wet"}, "disk: kinds must be one or several of full, read-only, hang, slow, error"),
        (Disk, {"error": "EWET"}, "disk: error must be an errno's name"),
        (Disk, {"error": []}, "disk: error must be an errno's name"),
        (Disk, {"delay": 0}, "disk: delay must lie between"),
        (Power, {"targets": 3}, "power: targets must be one or several of"),
        (Corruption, {"kinds": "melt"}, "corruption: kinds must be one or several of flip, truncate, rollback"),
        (Corruption, {"targets": ["one", "all"]}, "corruption: targets is one specification, for the whole run"),
        (Corruption, {"files": ""}, "corruption: files must be a pattern"),
        (Corruption, {"probability": 2}, "corruption: probability"),
        (Corruption, {"chunk_bytes": 0}, "corruption: chunk_bytes"),
    ],
)
def test_options_are_checked(make: Any, options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        make(**options)


@pytest.mark.parametrize("make", [Kill, Pause, Clock, Packet, Disk, Power, Corruption])
def test_nodes_that_are_not_there_are_refused_before_the_load(make: Any) -> None:
    async def scene(cluster: SimCluster) -> None:
        with pytest.raises(UsageError, match="no node 'n9'"):
            await make(targets=["n1", "n9"]).setup(cluster)

    on_cluster(scene)


@pytest.mark.parametrize("make", [Partition, Kill, Pause, Clock, Packet, Disk, Power, Corruption])
def test_draws_are_the_same_for_the_same_chance(make: Any) -> None:
    assert [make().draw(Random(seed)) for seed in range(30)] == [make().draw(Random(seed)) for seed in range(30)]
