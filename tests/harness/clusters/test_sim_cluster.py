"""The simulated cluster as a whole, by its contract."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest
import sim_stores
import sim_trace

from harness.clusters.base import CAPABILITIES, PACKETS, Connection
from harness.clusters.sim import SimCluster
from harness.clusters.sim.clock import EPOCH_NS
from harness.errors import ClusterError, HarnessError, NodeError, Unsupported, UsageError
from harness.faults import Status
from harness.node import RpcError
from harness.streams import Streams
from harness.target import NodeService

NODES = ("n1", "n2", "n3")


class Target:
    name = "registers"

    def __init__(self, node_class: str = "Registers", **options: Any) -> None:
        module = "" if ":" in node_class else f"{sim_stores.__name__}:"
        self.service = NodeService(module + node_class, options=options)


Story = Callable[[SimCluster], Coroutine[Any, Any, Any]]


def run(
    story: Story, target: Any = None, *, create: bool = True, seed: int = 1, **options: Any
) -> tuple[Any, SimCluster]:
    cluster = SimCluster(nodes=NODES, streams=Streams(seed), run_id="test", **options)

    async def main() -> Any:
        if create:
            await cluster.create(target or Target())
        result = await story(cluster)
        await cluster.destroy()
        return result

    return cluster.run(main), cluster


async def write(connection: Connection, value: int) -> Any:
    return await connection.call({"type": "write", "key": "k", "value": value})


async def read(connection: Connection, key: str = "k") -> Any:
    return (await connection.call({"type": "read", "key": key}))["value"]


def log(cluster: SimCluster, node: str) -> str:
    return "\n".join(cluster._machines[node].lines)


def only(evidence: Mapping[str, Any], node: str, status: Status = Status.APPLIED) -> Any:
    assert list(evidence) == [node]
    assert evidence[node].status is status
    return evidence[node].measured if status is Status.APPLIED else evidence[node].why


def test_everything_is_available_everywhere() -> None:
    assert all(
        SimCluster.probe()[power] is None
        for power in ("available", "partition", *PACKETS, "kill", "pause", "clock", "disk-full", "corrupt")
    )
    assert set(SimCluster.probe()) == {"available", *CAPABILITIES}
    assert SimCluster.sweep() == []


def test_nodes_serve_clients_and_each_other() -> None:
    async def story(cluster: SimCluster) -> None:
        connections = [await cluster.connect(node) for node in NODES]
        assert (await write(connections[0], 7))["type"] == "write_ok"
        assert [await read(connection) for connection in connections] == [7, 7, 7]
        assert 0 < cluster.now() < 100_000_000
        for connection in connections:
            await connection.close()

    run(story)


def test_many_calls_share_one_connection_and_answers_find_their_questions() -> None:
    async def story(cluster: SimCluster) -> None:
        connection = await cluster.connect("n1")
        await asyncio.gather(*(connection.call({"type": "write", "key": f"k{n}", "value": n}) for n in range(50)))
        assert await asyncio.gather(*(read(connection, f"k{n}") for n in range(50))) == list(range(50))

    run(story, Target(copies=False))


@pytest.mark.parametrize(
    ("request_body", "code", "extra"),
    [
        ({"type": "cas", "key": "k"}, 22, {"current": None}),
        ({"type": "crash", "key": "k"}, 13, {}),
        ({"type": "crash"}, 13, {}),
        ({"type": "no such thing"}, 10, {}),
        ({"type": "message"}, 10, {}),
        ({}, 12, {}),
        ({"type": 3}, 12, {}),
    ],
)
def test_errors_arrive_as_errors_and_the_node_lives_on(
    request_body: dict[str, Any], code: int, extra: dict[str, Any]
) -> None:
    async def story(cluster: SimCluster) -> None:
        connection = await cluster.connect("n1")
        with pytest.raises(RpcError) as caught:
            await connection.call(request_body)
        assert (caught.value.code, caught.value.extra) == (code, extra)
        await write(connection, 1)

    _, cluster = run(story)
    assert ("Traceback" in log(cluster, "n1")) == (code == 13)


def test_a_killed_node_refuses_breaks_and_forgets_what_it_had_not_synced() -> None:
    async def story(cluster: SimCluster) -> None:
        connection = await cluster.connect("n1")
        for value in range(3):
            await write(connection, value)
        waiting = asyncio.ensure_future(connection.call({"type": "silence"}))
        await asyncio.sleep(0.1)
        assert only(await cluster.processes.kill(["n1"]), "n1")["state"] == "killed"
        with pytest.raises(ConnectionResetError):
            await waiting
        with pytest.raises(ConnectionRefusedError):
            await connection.call({"type": "read", "key": "k"})
        with pytest.raises(ConnectionRefusedError):
            await cluster.connect("n1")
        assert "not running" in only(await cluster.processes.kill(["n1"]), "n1", Status.SKIPPED)
        started = only(await cluster.processes.start(["n1"]), "n1")
        assert (started["state"], started["incarnation"]) == ("running", 2)
        assert "was running" in only(await cluster.processes.start(["n1"]), "n1", Status.SKIPPED)
        assert await read(connection) is None, "the connection dials again"
        assert await read(connection, "recovered") == "+++", "what was synced is there"

    run(story, Target(copies=False))


def test_a_paused_node_is_silent_and_then_answers() -> None:
    async def story(cluster: SimCluster) -> None:
        connection = await cluster.connect("n1")
        before = (await connection.call({"type": "beats"}))["beats"]
        assert only(await cluster.processes.pause(["n1"]), "n1")["state"] == "paused"
        assert "was paused" in only(await cluster.processes.pause(["n1"]), "n1", Status.SKIPPED)
        second = await cluster.connect("n1")
        waiting = asyncio.ensure_future(second.call({"type": "beats"}))
        await asyncio.sleep(5)
        assert not waiting.done()
        resumed = only(await cluster.processes.resume(["n1"]), "n1")
        assert resumed["state"] == "running"
        assert resumed["paused_ms"] == pytest.approx(5000, abs=2)
        assert resumed["queued_wakeups"] >= 2
        assert "was running" in only(await cluster.processes.resume(["n1"]), "n1", Status.SKIPPED)
        assert (await waiting)["beats"] - before <= 2

    run(story)


def test_a_paused_node_can_be_killed_and_does_not_come_back_by_a_resume() -> None:
    async def story(cluster: SimCluster) -> None:
        await cluster.processes.pause(["n1"])
        only(await cluster.processes.kill(["n1"]), "n1")
        assert "was killed" in only(await cluster.processes.resume(["n1"]), "n1", Status.SKIPPED)
        assert "was killed" in only(await cluster.processes.pause(["n1"]), "n1", Status.SKIPPED)
        only(await cluster.processes.start(["n1"]), "n1")

    run(story)


def test_a_client_does_not_notice_a_partition_between_nodes() -> None:
    async def story(cluster: SimCluster) -> None:
        connection = await cluster.connect("n1")
        await cluster.network.cut("cut", {"n1": ["n2", "n3"], "n2": ["n1"], "n3": ["n1"]})
        began = cluster.now()
        await write(connection, 1)
        assert cluster.now() - began > 1_000_000_000, "its questions to the others timed out"
        evidence = await cluster.network.mend("cut")
        assert evidence["n2"].measured["dropped_packets"] > 1

    run(story)


def test_skew_moves_the_wall_clock_only_and_outlives_a_kill() -> None:
    async def story(cluster: SimCluster) -> None:
        evidence = await cluster.clocks.skew("n2", -1500.5)
        assert evidence.measured == {"offset_ms": -1500.5}
        assert await cluster.clocks.offsets() == {"n1": 0, "n2": -1500.5, "n3": 0}
        await cluster.processes.kill(["n2"])
        await cluster.processes.start(["n2"])
        connection = await cluster.connect("n2")
        reply = await connection.call({"type": "clock"})
        assert reply["slept"] == 1_000_000_000
        assert reply["wall"] == pytest.approx(EPOCH_NS + cluster.now() - 1_500_500_000, abs=2_000_000)
        status = await connection.call({"type": "node_status"})
        assert status["wall"] - EPOCH_NS - status["monotonic"] == -1_500_500_000
        await cluster.clocks.skew("n2", 0)
        assert (await cluster.clocks.offsets())["n2"] == 0

    run(story)


def test_a_node_that_exits_is_down_until_it_is_started() -> None:
    async def story(cluster: SimCluster) -> None:
        connection = await cluster.connect("n1")
        with pytest.raises(ConnectionResetError):
            await connection.call({"type": "exit", "code": 3})
        with pytest.raises(ConnectionRefusedError):
            await read(connection)
        assert only(await cluster.processes.start(["n1"]), "n1")["incarnation"] == 2
        assert await read(connection) is None

    _, cluster = run(story)
    assert "the node exits: 3" in log(cluster, "n1")


async def nothing(cluster: SimCluster) -> None:
    pass


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        (Target("BadAtBirth"), NodeError, r"(?s)node n1 did not start: .*no such luck.*about to fail.*ValueError"),
        (Target("BadAtStart", how="raise"), NodeError, r"(?s)node n2 did not start: .*the disk is on fire"),
        (Target("BadAtStart", how="exit"), NodeError, "node n2 did not start: the node exits: 5"),
        (Target("BadAtStart", how="hang"), NodeError, "node n2 did not start: it did not finish starting within 30 s"),
        (Target("Registers", no_such_option=1), NodeError, "unexpected keyword argument 'no_such_option'"),
        (Target("sim_stores:Absent"), ClusterError, "cannot be loaded"),
        (Target("no_such_module:Store"), ClusterError, "cannot be loaded"),
    ],
)
def test_a_store_that_cannot_start_is_one_clear_error(target: Target, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run(nothing, target)


def test_real_programs_are_refused_with_the_way_out() -> None:
    class Etcd:
        name = "etcd"

    with pytest.raises(Unsupported, match="etcd runs real programs, which the simulator cannot; use --cluster docker"):
        run(nothing, Etcd())


def test_requests_wait_for_a_node_that_is_still_starting_but_its_own_questions_are_answered() -> None:
    async def story(cluster: SimCluster) -> None:
        connection = await cluster.connect("n1")
        assert (await connection.call({"type": "hello"}))["at"] >= 500_000_000

    _, cluster = run(story, Target("SlowStart"))
    assert "got hello_ok" in log(cluster, "n2")


def test_a_node_that_others_stop_while_it_starts_is_neither_started_nor_a_failure() -> None:
    async def story(cluster: SimCluster) -> None:
        for stop, state in ((cluster.processes.kill, "killed"), (cluster.processes.pause, "paused")):
            await cluster.processes.kill(["n1"])
            starting = asyncio.ensure_future(cluster.processes.start(["n1"]))
            await asyncio.sleep(0.1)
            only(await stop(["n1"]), "n1")
            evidence = (await starting)["n1"]
            assert (evidence.status, evidence.measured) == (Status.INDETERMINATE, {"state": state})

    run(story, Target("SlowStart"))


def test_logs_are_collected_with_virtual_times(tmp_path: Path) -> None:
    async def story(cluster: SimCluster) -> None:
        await asyncio.sleep(2)
        await cluster.processes.kill(["n1"])
        await cluster.collect_logs(tmp_path)

    run(story)
    assert [line.split(maxsplit=1) for line in (tmp_path / "n1" / "node.log").read_text().splitlines()] == [
        ["0.000000", "-- start, incarnation 1"],
        ["2.000000", "-- end of incarnation 1: it was killed"],
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == list(NODES)


def test_unknown_nodes_are_refused() -> None:
    async def story(cluster: SimCluster) -> None:
        for faulty in (
            cluster.connect("n9"),
            cluster.processes.kill(["n9"]),
            cluster.processes.start(["n9"]),
            cluster.clocks.skew("n9", 1),
        ):
            with pytest.raises(UsageError, match="there is no node 'n9'"):
                await faulty

    run(story)


@pytest.mark.parametrize(
    "options",
    [
        {"loss": 1.5},
        {"reorder": "often"},
        {"latency_ms_min": 3, "latency_ms_max": 1},
        {"sync_ms_min": -1},
        {"client_latency_ms_max": 0.01},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"^sim: [a-z_]+ must be a number"):
        SimCluster(nodes=NODES, streams=Streams(1), run_id="test", **options)


def test_destroy_works_twice_half_way_and_before_anything_was_made() -> None:
    async def story(cluster: SimCluster) -> None:
        await cluster.destroy()
        await cluster.destroy()

    run(story)
    run(story, create=False)


def test_a_failing_run_may_still_use_the_cluster_to_clean_up() -> None:
    cluster = SimCluster(nodes=NODES, streams=Streams(1), run_id="test")
    cleaned: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            cleaned.append("background")

    async def main() -> None:
        await cluster.create(Target())  # type: ignore[arg-type]
        task = asyncio.ensure_future(background())
        try:
            await asyncio.sleep(1)
            await cluster.processes.kill(list(NODES))
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(1)
            cleaned.append("main")
            del task

    with pytest.raises(HarnessError, match="stands still"):
        cluster.run(main)
    assert cleaned == ["background", "main"]
    with pytest.raises(RuntimeError, match="a simulated cluster runs once"):
        cluster.run(main)


def test_ctrl_c_cancels_the_run_which_cleans_up_first() -> None:
    cluster = SimCluster(nodes=NODES, streams=Streams(1), run_id="test")
    cleaned: list[str] = []

    async def main() -> None:
        await cluster.create(Target())  # type: ignore[arg-type]
        try:
            asyncio.get_running_loop().call_later(1, os.kill, os.getpid(), signal.SIGINT)
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(1)
            cleaned.append(f"{cluster.now() / 1e9:.0f} s")

    with pytest.raises(KeyboardInterrupt):
        cluster.run(main)
    assert cleaned == ["2 s"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_while_it_winds_up_is_raised_afterwards_and_no_defect(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wound_up: list[str] = []

    async def lingers() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(1)
            wound_up.append("to its end")

    async def story(cluster: SimCluster) -> None:
        lingering.append(asyncio.create_task(lingers()))
        await asyncio.sleep(1)

    lingering: list[asyncio.Task[None]] = []
    with pytest.raises(KeyboardInterrupt):
        run(story)
    lingering.clear()
    gc.collect()
    assert wound_up == ["to its end"]
    assert not caplog.records, caplog.text


def test_termination_can_be_handled_as_on_any_loop() -> None:
    async def story(cluster: SimCluster) -> str:
        loop = asyncio.get_running_loop()
        asked = asyncio.Event()
        before = signal.getsignal(signal.SIGTERM)
        loop.add_signal_handler(signal.SIGTERM, asked.set)
        loop.call_later(1, os.kill, os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(asked.wait(), 5)
        assert loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
        return "ended"

    assert run(story)[0] == "ended"


def test_equal_seeds_give_the_same_bytes_in_every_process_and_others_differ() -> None:
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parents[2])])

    def output(seed: int, hash_seed: str) -> bytes:
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-W", "error", str(here / "sim_trace.py"), str(seed)]
        return subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60).stdout

    first = output(7, "0")
    assert len(first.splitlines()) > 400
    assert output(7, "4242") == first
    assert output(8, "0") != first
    assert "\n".join(sim_trace.trace(7)).encode() == first, "nor does it matter what ran in the process before"
