"""Whatever ends an ssh cluster's controller, its agents or the way between them: the machines are as they were."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import ssh_rig
from ssh_rig import Rig, Target

from harness.clusters.ssh.cluster import SshCluster
from harness.errors import ClusterError, HarnessError
from harness.faults import Evidence, Status
from harness.streams import Streams

HERE = Path(__file__).parent
NODES = ("n1", "n2", "n3")
LEASE_S = 2

pytestmark = pytest.mark.ssh


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with ssh_rig.rig() as made:
        yield made


def traces(rig: Rig) -> dict[str, Any]:
    return {name: machine.traces() for name, machine in rig.machines.items()}


def without_files(found: Mapping[str, Any]) -> dict[str, Any]:
    """Files stay until somebody cleans up: they are a dead run's data and logs."""
    return {name: {kind: what for kind, what in each.items() if kind != "files"} for name, each in found.items()}


def wait_until_healed(rig: Rig, before: Mapping[str, Any], within_s: float) -> float:
    began = time.monotonic()
    while without_files(now := traces(rig)) != without_files(before):
        assert time.monotonic() - began < within_s, now
        time.sleep(0.1)
    return time.monotonic() - began


class Controller:
    """A process that makes a cluster, breaks every machine, and waits."""

    def __init__(self, rig: Rig) -> None:
        options = json.dumps(rig.options("tester", lease=f"{LEASE_S}s"))
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "ssh_controller.py"), options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout and self.process.stderr
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.stderr.read())
        self.run = json.loads(line)["run"]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


def clean(rig: Rig) -> Mapping[str, Any]:
    return SshCluster.clean_hosts(rig.options("tester"))


def test_a_killed_controller_leaves_files_and_nothing_in_force(rig: Rig) -> None:
    before = traces(rig)
    controller = Controller(rig)
    broken = traces(rig)
    assert all(f"splitbrain_{controller.run}" in broken[node]["rules"] for node in ("n1", "n3"))
    assert "htb" in broken["n2"]["queues"] and broken["n1"]["groups"]
    controller.end(signal.SIGKILL)
    wait_until_healed(rig, before, 15)
    removed = clean(rig)
    assert [f"files /var/lib/splitbrain/{controller.run}" in each for each in removed.values()] == [True] * 3
    assert traces(rig) == before
    assert all(each == [] for each in clean(rig).values()), "nothing is left to remove"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_controller_leaves_nothing(rig: Rig, number: signal.Signals) -> None:
    before = traces(rig)
    controller = Controller(rig)
    assert controller.end(number) != 0
    assert traces(rig) == before


def test_machines_that_hear_nothing_heal_themselves_within_the_lease(rig: Rig) -> None:
    """Their plugs are pulled: neither side is told."""
    before = traces(rig)
    controller = Controller(rig)
    try:
        for node in NODES:
            rig.link(node, "down")
        wait_until_healed(rig, before, LEASE_S + 10)
    finally:
        for node in NODES:
            rig.link(node, "up")
        controller.end(signal.SIGKILL)
    clean(rig)
    assert traces(rig) == before


def agents(rig: Rig, node: str) -> list[int]:
    """The agent itself, as it says who it is."""
    root = Path(f"/proc/{rig.machines[node].init}/root/var/lib/splitbrain")
    return [int(file.read_text(encoding="ascii").split(":")[2]) for file in root.glob("*/agent")]


@pytest.mark.parametrize("next_one", ["clean", "start"])
def test_what_a_killed_agent_left_is_lifted_by_whoever_comes_next(rig: Rig, next_one: str) -> None:
    before = traces(rig)
    controller = Controller(rig)
    controller.process.send_signal(signal.SIGSTOP)  # or it would make the connection anew
    for node in NODES:
        [agent] = agents(rig, node)
        rig.machines[node].run("kill", "-9", str(agent))
    controller.end(signal.SIGKILL)
    time.sleep(0.5)
    left = traces(rig)
    assert f"splitbrain_{controller.run}" in left["n1"]["rules"], "there was nothing to lift"
    assert "htb" in left["n2"]["queues"]
    assert all("beating" not in " ".join(each["programs"]) for each in left.values()), "programs die with their agent"
    if next_one == "clean":
        assert any("no table" in line for line in clean(rig)[rig.hosts("tester")[0]])
    else:
        made = SshCluster(NODES, streams=Streams(7), run_id="next", **rig.options())
        made.run(lambda: _made_and_removed(made))
    assert traces(rig) == before


async def _made_and_removed(made: SshCluster) -> None:
    try:
        await made.create(Target())
    finally:
        await made.destroy()


def test_a_lost_connection_ends_its_faults_is_told_and_is_made_anew_once(rig: Rig) -> None:
    before = traces(rig)
    made = SshCluster(NODES, streams=Streams(7), run_id="test", **rig.options(lease="2s"))

    async def main() -> None:
        try:
            await made.create(Target())
            await made.network.cut("p", {"n1": ["n2"], "n2": ["n1"]})
            await made.processes.kill(["n3"])
            for node in ("n1", "n3"):
                cut_off(rig, node)
            told = await _eventually_told(made)
            assert "gone" in told.why and told.status is Status.INDETERMINATE
            await _back(made, "n1")
            await _back(made, "n3")
            assert await made.processes.alive() == {"n1": True, "n2": True, "n3": False}, "n3 was killed on purpose"
            assert rig.machines["n1"].run("nft", "list", "ruleset") == ""
            lifted = await made.network.mend("p")
            assert lifted["n2"].status is Status.APPLIED
            assert lifted["n1"].status is Status.INDETERMINATE and "put it back" in lifted["n1"].why
            assert await made.network.mend("p") == {}
            assert (await made.processes.start(["n3"]))["n3"].status is Status.APPLIED

            cut_off(rig, "n1")
            with pytest.raises(HarnessError):
                for _ in range(200):
                    await asyncio.sleep(0.05)
                    await made.machines["n1"].agent.call("nodes.logs")
            await asyncio.sleep(1)
            with pytest.raises(ClusterError, match="the nodes' agent is gone"):
                await made.machines["n1"].agent.call("nodes.logs")
        finally:
            await made.destroy()

    made.run(main)
    assert traces(rig) == before


def cut_off(rig: Rig, node: str) -> None:
    """Ends the sshd process that holds the connection, and no other."""
    init = rig.machines[node].init
    children = Path(f"/proc/{init}/task/{init}/children").read_text(encoding="ascii").split()
    assert children
    for child in children:
        os.kill(int(child), signal.SIGKILL)


async def _eventually_told(made: SshCluster) -> Evidence:
    for _ in range(200):
        [evidence] = (await made.processes.pause(["n1"])).values()
        if evidence.status is Status.INDETERMINATE:
            return evidence
        await made.processes.resume(["n1"])
        await asyncio.sleep(0.01)
    raise AssertionError("nobody noticed")


async def _back(made: SshCluster, node: str) -> None:
    for _ in range(400):
        try:
            await made.machines[node].agent.call("nodes.logs")
            if node not in made.processes.wanted or (await made.processes.alive())[node]:
                return
        except HarnessError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError(f"{node} does not come back")
