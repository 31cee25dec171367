"""Whatever ends a controller, its cluster goes: at once, or, when it was killed, at the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from docker_support import Controller, Target, ask, mounts, mounts_of, nothing, on_cluster, traces

from harness.clusters.docker import DockerCluster, engine, names
from harness.clusters.linux import ledger, nft, processes
from harness.clusters.linux.identity import Identity

pytestmark = [pytest.mark.docker, pytest.mark.alone]


def dead_identity() -> str:
    """The identity of a process that lived on this boot."""
    with subprocess.Popen(["sleep", "60"]) as child:
        own, start = Identity.own(), processes.read(child.pid).start_ticks
        child.kill()
    return str(Identity(own.boot, own.pid_namespace, child.pid, start))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["starting", "up"])
def test_an_interrupted_controller_takes_its_cluster_down(number: signal.Signals, stage: str) -> None:
    controller = Controller(until=stage)
    if stage == "starting":
        time.sleep(0.4)  # among the containers, as a rule
    controller.process.send_signal(number)
    code, errors = controller.end()
    assert (code, errors) == (130, "")
    assert nothing(traces(controller.run))


def test_what_a_killed_controller_left_is_swept_and_a_living_run_is_left_alone() -> None:
    async def main(living: DockerCluster) -> None:
        killed = Controller()
        left = traces(killed.run)
        assert all(left[kind] for kind in ("containers", "networks", "tables", "interfaces", "records", "processes"))
        made_mounts = mounts_of(left["containers"])
        assert made_mounts <= mounts()
        before = traces(living.run_name)

        assert not [line for line in DockerCluster.sweep() if killed.run in line]  # its controller lives
        killed.process.kill()
        killed.end()
        said = "\n".join(DockerCluster.sweep())

        for kind in ("container", "network", "nftables table"):
            assert kind in said and killed.run in said, (said, traces(killed.run))
        assert nothing(traces(killed.run))
        assert not made_mounts & mounts()
        assert not [pid for pid in killed.said["pids"] if processes.alive(pid)]
        assert traces(living.run_name) == before
        await ask(living, "n1")
        assert not [line for line in DockerCluster.sweep() if killed.run in line]

    on_cluster(main)


@pytest.mark.parametrize("delay_s", [0.1, 0.3, 0.6, 1.0, 1.5])
def test_a_controller_killed_while_it_makes_things_is_swept_too(delay_s: float) -> None:
    controller = Controller(until="starting")
    time.sleep(delay_s)
    controller.process.kill()
    controller.end()
    DockerCluster.sweep()
    assert nothing(traces(controller.run))


def test_things_without_a_record_are_known_by_their_labels() -> None:
    controller = Controller()
    controller.process.kill()
    controller.end()
    [record] = [record for record in ledger.records() if record.run == controller.run]
    ledger.strike(record)
    DockerCluster.sweep()
    assert nothing(traces(controller.run))


def test_what_is_not_ours_or_does_not_say_whose_it_is_stays() -> None:
    theirs = nft.Table(f"{nft.PREFIX}of_somebody", "nobody in particular")
    dead = nft.Table(f"{nft.PREFIX}of_a_dead_run", dead_identity())
    with engine.connected() as client:
        network = client.create_network(f"splitbrain-test-{os.getpid()}", labels={names.RUN_LABEL: "unknown"})["Id"]
        try:
            nft.run(nft.create(theirs) + nft.create(dead))
            said = DockerCluster.sweep()
            assert f"nftables table bridge {dead.name}" in said
            there = {name for _, name in nft.tables(nft.listing("tables"))}
            assert theirs.name in there and dead.name not in there
            assert client.networks(ids=[network])
        finally:
            nft.run(nft.delete("bridge", theirs.name) + nft.delete("bridge", dead.name))
            client.remove_network(network)


def test_a_second_interrupt_does_not_stop_the_removal() -> None:
    controller = Controller()
    controller.process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    controller.process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    controller.process.send_signal(signal.SIGTERM)
    code, _ = controller.end()
    assert code != 0
    assert nothing(traces(controller.run))


def test_an_empty_cluster_of_one_node_works() -> None:
    made = DockerCluster(["only"], streams=None, run_id="one")  # type: ignore[arg-type]  # it draws nothing

    async def main() -> list[str]:
        await made.create(Target())
        return list(await made.clocks.offsets())

    assert made.run(main) == ["only"]
    assert nothing(traces(made.run_name))


def test_without_an_engine_the_packet_filter_goes_and_the_record_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    controller = Controller()
    controller.process.kill()
    controller.end()
    with monkeypatch.context() as without:
        without.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        said = DockerCluster.sweep()
    assert f"nftables table bridge {nft.PREFIX}{controller.run}" in said
    left = traces(controller.run)
    assert left["tables"] == [] and left["containers"] and left["records"]
    DockerCluster.sweep()
    assert nothing(traces(controller.run))
