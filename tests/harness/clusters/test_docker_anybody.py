"""What containers can be done to whoever runs the controller: root by its own hands, others by sidecars. Asserted by
what the nodes themselves say, so the tests are the same for both."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest
from docker_support import NODES, Controller, ask, cluster, on_cluster
from shaping_scene import packets_are_shaped_and_refused
from test_docker_programs import Programs, look

from harness.clusters.base import Corruption, Impairment
from harness.clusters.docker import DockerCluster, engine, names
from harness.clusters.linux import ledger
from harness.clusters.linux.identity import Identity
from harness.errors import NodeError
from harness.faults import Status

pytestmark = pytest.mark.docker

GONE_S_MAX = 20.0


def kinds(run: str) -> list[str]:
    """The containers of a run, by their kind."""
    with engine.connected() as client:
        found = client.containers(all=True, filters={"label": f"{names.RUN_LABEL}={run}"})
    return sorted(container["Labels"][names.LABEL] for container in found)


def recorded(run: str) -> bool:
    return any(record.run == run for record in ledger.records())


def test_programs_are_started_killed_and_paused_and_their_clocks_are_off(tmp_path: Path) -> None:
    made = cluster()

    async def main() -> None:
        await made.create(Programs())
        seen = await look(made, "n1")
        assert seen["host"] == "n1" and seen["files"] == ["first", "second"]
        assert seen["environment"]["WHICH"] == "first" and seen["environment"]["HOME"] == seen["directory"]
        assert "SYS_PTRACE" not in seen["rights"] and "NET_ADMIN" not in seen["rights"]
        killed = (await made.processes.kill(["n1"]))["n1"]
        assert killed.status is Status.APPLIED and len(killed.measured["killed_pids"]) == 2
        with pytest.raises(ConnectionRefusedError):
            await made.dial("n1", 8001)
        assert await made.processes.alive() == {"n1": False, "n2": True, "n3": True}
        await made.clocks.skew("n1", 60_000)
        started = (await made.processes.start(["n1"]))["n1"]
        assert started.status is Status.APPLIED, started
        ahead_ns = (await look(made, "n1", "second"))["wall_ns"] - (await look(made, "n2"))["wall_ns"]
        assert round(ahead_ns / 1e9) == 60
        paused = (await made.processes.pause(["n2"]))["n2"]
        assert paused.status is Status.APPLIED and paused.measured["state"] == "TT"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await look(made, "n2")
        assert (await made.processes.resume(["n2"]))["n2"].status is Status.APPLIED
        assert (await look(made, "n2"))["host"] == "n2"
        await made.files.put("n3", "first/told", "news")
        assert await made.files.get("n3", "first/told") == "news"
        await made.collect_logs(tmp_path)

    made.run(main)
    assert (tmp_path / "n1" / "first.log").read_text(encoding="utf-8") == "listening on 8001\n" * 2
    assert kinds(made.run_name) == []


def test_a_program_that_is_not_there_is_told_with_its_log_to_anybody() -> None:
    made = cluster(["n1"])
    with pytest.raises(
        NodeError, match=r"n1 crashed at start; the last lines of its log:\n.*/nowhere/program: not found"
    ):
        made.run(lambda: made.create(Programs("/nowhere/program")))
    assert kinds(made.run_name) == []


def test_one_direction_is_cut_and_mended() -> None:
    async def main(made: DockerCluster) -> None:
        evidence = await made.network.cut("f", {"n1": ["n2"]})
        assert {node: found.status for node, found in evidence.items()} == {"n1": Status.APPLIED}
        await asyncio.sleep(1)
        ages = (await ask(made, "n1"))["ages_ms"]  # the controller reaches it all the time
        assert ages["n2"] > 500 > ages["n3"]
        lifted = (await made.network.mend("f"))["n1"]
        assert lifted.measured["dropped_packets"] >= 1 and lifted.measured["drops_from"] == []
        await asyncio.sleep(1)
        assert (await ask(made, "n1"))["ages_ms"]["n2"] < 500

    on_cluster(main)


def test_packets_are_shaped_and_refused_for_anybody() -> None:
    on_cluster(packets_are_shaped_and_refused)


def test_disks_are_slow_fail_and_rot_where_that_takes_no_mounts() -> None:
    async def main(made: DockerCluster) -> None:
        slow = await made.disks.impair("slow", ["n1"], Impairment("slow", delay_ms=50))
        assert slow["n1"].status is Status.APPLIED, slow
        assert (await made.disks.repair("slow"))["n1"].status is Status.APPLIED
        rotten = await made.disks.corrupt(["n2"], Corruption("flip", probability=1.0, seed=7))
        assert rotten["n2"].status is Status.APPLIED, rotten

    made = cluster()

    async def with_programs() -> None:
        await made.create(Programs())
        await main(made)

    made.run(with_programs)


def test_five_nodes_are_up_soon() -> None:
    made = cluster([f"n{index}" for index in range(1, 6)])
    taken: list[float] = []

    async def main() -> None:
        began = time.monotonic()
        await made.create(Programs())
        taken.append(time.monotonic() - began)

    made.run(main)
    print(f"5 containers with two programs each took {taken[0]:.2f} s")  # noqa: T201 - shown by -rP


def test_when_the_controller_is_killed_its_faults_end_and_then_its_containers() -> None:
    controller = Controller(lease_s=6)
    sidecars = kinds(controller.run).count("sidecar")
    assert sidecars in (0, len(NODES))
    controller.process.kill()
    controller.end()
    until = time.monotonic() + GONE_S_MAX
    while kinds(controller.run).count("sidecar") and time.monotonic() < until:
        time.sleep(0.05)
    assert kinds(controller.run) == ["node"] * len(NODES)
    while recorded(controller.run) and time.monotonic() < until:
        time.sleep(0.1)
    assert not recorded(controller.run) and kinds(controller.run) == []


@pytest.mark.parametrize("seed", range(3))
def test_whenever_the_controller_is_killed_a_sweep_leaves_nothing(seed: int) -> None:
    controller = Controller(until="starting", lease_s=600)
    time.sleep(random.Random(seed).uniform(0, 4))
    controller.process.kill()
    controller.end()
    wardens = [Identity.parse(one.agent) for one in ledger.records() if one.run == controller.run and one.agent]
    DockerCluster.sweep()
    assert kinds(controller.run) == [] and not recorded(controller.run)
    assert not any(warden.alive() for warden in wardens)
    with engine.connected() as client:
        assert not client.networks(filters={"label": f"{names.RUN_LABEL}={controller.run}"})
    assert not [entry.name for entry in Path("/sys/class/net").iterdir() if controller.run in entry.name]
