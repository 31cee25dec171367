"""The process cluster: what its nodes see, and what its faults do, asserted from inside the nodes."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from docker_support import Target, ask
from process_support import NODES, cluster, heard_all, on_cluster
from shaping_scene import packets_are_shaped_and_refused

from harness.clusters.linux import cgroups, ledger
from harness.clusters.linux.identity import Identity
from harness.clusters.process import ProcessCluster
from harness.errors import ClusterError, NodeError, Unsupported, UsageError
from harness.faults import Status
from harness.target import CommandService, Daemon

pytestmark = pytest.mark.process

HERE = Path(__file__).parent
PORTS = {"first": 8001, "second": 8002}


class Programs:
    """A target of two programs per node. The environment's `broken` names one that does not exist."""

    name = "programs"

    def __init__(self, *, broken: bool = False, programs: tuple[str, ...] = ("python3",)) -> None:
        self.broken = broken
        self.service = CommandService(self.daemons, packages=("python3",), programs=programs)

    def daemons(self, node: str, addresses: Mapping[str, str], data: str) -> list[Daemon]:
        program = "/nowhere/program" if self.broken else sys.executable
        return [
            Daemon(
                name,
                (program, str(HERE / "looking_around.py"), str(port), *addresses),
                port,
                env={"WHICH": name},
                files={f"conf/{name}.conf": f"{node} keeps its data in {data}"},
            )
            for name, port in PORTS.items()
        ]


async def look(cluster: ProcessCluster, node: str, program: str = "first") -> dict[str, Any]:
    """What a program of a node sees."""
    with await cluster.dial(node, PORTS[program]) as connection:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, b"?")
        answer = b""
        while data := await loop.sock_recv(connection, 65536):
            answer += data
    view: dict[str, Any] = json.loads(answer)
    return view


def test_a_node_is_a_machine_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET", "of the controller")

    async def main(made: ProcessCluster) -> None:
        for index, node in enumerate(NODES):
            seen = await look(made, node)
            assert seen["host"] == node
            assert seen["addresses"] == {name: f"198.18.0.{10 + i}" for i, name in enumerate(NODES)}
            assert seen["reaches"] == list(NODES), f"{index}"
            assert seen["interfaces"] == ["eth0", "lo"]
            assert len(seen["pids"]) == 3 and seen["pids"][0] == 1 and seen["zombies"] == []
            assert seen["environment"]["WHICH"] == "first" and "SECRET" not in seen["environment"]
            assert seen["environment"]["HOME"] == seen["directory"] and seen["files"] == ["conf"]
            assert (await look(made, node, "second"))["environment"]["WHICH"] == "second"
            conf = Path(seen["directory"], "conf", "second.conf").read_text(encoding="utf-8")
            assert conf == f"{node} keeps its data in {seen['directory']}"
        await made.collect_logs(tmp_path)
        assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.log")) == [
            f"{node}/{name}.log" for node in NODES for name in ("first", "second")
        ]
        assert (tmp_path / "n2" / "second.log").read_text(encoding="utf-8") == "listening on 8002\n"

    on_cluster(main, Programs())


def test_all_programs_of_a_node_are_killed_and_started_together() -> None:
    async def main(made: ProcessCluster) -> None:
        before = await look(made, "n1")
        kept = Path(before["directory"], "conf", "first.conf")
        kept.write_text("changed", encoding="ascii")
        killed = (await made.processes.kill(["n1"]))["n1"]
        assert killed.status is Status.APPLIED and len(killed.measured["killed_pids"]) == 2
        for port in PORTS.values():
            with pytest.raises(ConnectionRefusedError):
                await made.dial("n1", port)
        started = (await made.processes.start(["n1"]))["n1"]
        assert started.status is Status.APPLIED and len(started.measured["pids"]) == 2
        assert (await look(made, "n1", "second"))["pids"] != before["pids"]
        assert kept.read_text(encoding="ascii") == "changed"  # files are written where they are not there

        paused = (await made.processes.pause(["n2"]))["n2"]
        assert paused.measured["state"] == "TT"
        assert "n2" in (await made.processes.resume(["n2"]))
        skewed = await made.clocks.skew("n3", 60_000)
        assert skewed.status is Status.APPLIED and skewed.measured["processes"] == 2
        assert round((await look(made, "n3", "second"))["wall_ns"] / 1e9 - time.time()) == 60
        assert round((await made.clocks.offsets())["n3"]) == 60_000

    on_cluster(main, Programs())


def test_a_one_way_cut_stops_one_direction_and_nothing_else() -> None:
    async def main(made: ProcessCluster) -> None:
        evidence = await made.network.cut("f", {"n1": ["n2"]})
        assert {node: found.measured for node, found in evidence.items()} == {"n1": {"drops_from": ["n2"]}}
        await asyncio.sleep(1)
        ages = (await ask(made, "n1"))["ages_ms"]  # the controller reaches it all the time
        assert ages["n2"] > 500 > ages["n3"]
        lifted = (await made.network.mend("f"))["n1"]
        assert lifted.measured["dropped_packets"] >= 1 and lifted.measured["drops_from"] == []
        assert await made.network.mend("f") == {}
        await heard_all(made, "n1")

    on_cluster(main)


def test_packets_are_delayed_lost_and_refused_inside_the_nodes() -> None:
    on_cluster(packets_are_shaped_and_refused)


def test_a_store_on_the_node_runtime_keeps_its_offset_over_a_restart() -> None:
    async def main(made: ProcessCluster) -> None:
        async def lies_by_s() -> int:
            return round((await ask(made, "n1"))["wall_ns"] / 1e9 - time.time())

        assert (await made.clocks.skew("n1", -3_600_000)).measured["offset_ms"] == -3_600_000
        assert await lies_by_s() == -3600
        await made.processes.kill(["n1"])
        assert (await made.clocks.skew("n1", 7000)).status is Status.SKIPPED
        started = (await made.processes.start(["n1"]))["n1"]
        assert started.measured["clock"]["offset_ms"] == 7000 and await lies_by_s() == 7
        assert (await made.clocks.skew("n1", 0)).measured["offset_ms"] == 0 == await lies_by_s()

    on_cluster(main)


def test_what_keeps_a_node_from_starting_is_told() -> None:
    async def nothing(made: ProcessCluster) -> None:
        raise AssertionError("it started")

    with pytest.raises(NodeError, match=r"(?s)n1 crashed at start.*out of luck"):
        on_cluster(nothing, Target(crash=True))
    with pytest.raises(ClusterError, match="n1: /nowhere/program: No such file"):
        on_cluster(nothing, Programs(broken=True))
    with pytest.raises(
        Unsupported, match=r"needs splitbrain-no-such-program on this machine .*apt-get install python3"
    ):
        on_cluster(nothing, Programs(programs=("python3", "splitbrain-no-such-program")))


def test_names_are_checked_before_anything_is_made() -> None:
    for nodes in (["n1", "n1"], ["../n1"], ["N1"], [f"n{i}" for i in range(241)]):
        with pytest.raises(UsageError, match=r"a process (node cannot be called|cluster has at most 240 nodes)"):
            cluster(nodes)

    async def main(made: ProcessCluster) -> None:
        for act in (made.connect("n9"), made.dial("n9", 7000), made.processes.kill(["n9"])):
            with pytest.raises(UsageError, match="there is no node 'n9'"):
                await act

    on_cluster(main)


def test_this_machine_can_do_all_of_it() -> None:
    powers = ProcessCluster.probe()
    assert [powers[power] for power in ("available", "partition", "kill", "pause", "clock")] == [None] * 5
    assert not [record for record in ledger.records() if record.identity == Identity.own()]


needs_groups = pytest.mark.skipif(
    cgroups.problem("memory") is not None or cgroups.problem("cpu") is not None,
    reason=str(cgroups.problem("memory") or cgroups.problem("cpu")),
)


@needs_groups
def test_limits_are_felt_by_the_service_and_leave_no_groups_behind() -> None:
    groups: list[str] = []

    async def main(cluster: ProcessCluster) -> None:
        evidence = (await cluster.limits.limit("limits-1", ["n1"], memory_bytes=200 << 20, cpus=0.05))["n1"]
        assert evidence.status is Status.APPLIED
        assert (evidence.measured["memory_bytes"], evidence.measured["cpus"]) == (200 << 20, 0.05)
        groups.extend(str(path) for path in Path("/sys/fs/cgroup").rglob(f"{cgroups.PREFIX}{cluster.run_name}"))
        assert groups
        await asyncio.gather(*(ask(cluster, "n1") for _ in range(100)))
        await cluster.processes.kill(["n1"])
        started = (await cluster.processes.start(["n1"]))["n1"]
        assert started.measured["answered_after_ms"] > 300, "a twentieth of a processor starts no Python sooner"
        lifted = (await cluster.limits.lift("limits-1"))["n1"]
        assert lifted.measured["throttled_ms"] > 100 and lifted.measured["cpus"] is None

    on_cluster(main)
    assert not any(Path(group).exists() for group in groups)


def test_who_lives_and_whose_clock_drifts_is_asked_of_the_agent() -> None:
    async def main(cluster: ProcessCluster) -> None:
        assert set((await cluster.processes.alive()).values()) == {True}
        await cluster.processes.kill(["n2"])
        assert (await cluster.processes.alive())["n2"] is False
        evidence = await cluster.clocks.drift("n1", 100_000)
        if cluster.probe()["clock"] is None:
            assert evidence.status is Status.APPLIED and evidence.measured["gained_ms"] > 2
            await cluster.clocks.skew("n1", 0.0)

    on_cluster(main)
