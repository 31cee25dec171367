"""Disk faults in real containers: what the service and a program in the container see, and that nothing is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from docker_support import cluster, nothing, traces

from checkers.linearizable import Linearizable
from harness.checker import Budget
from harness.clusters.base import Corruption, Impairment
from harness.clusters.docker import DockerCluster, engine
from harness.clusters.docker.node import DATA
from harness.clusters.linux import ledger
from harness.clusters.linux.disks import capability, kernel
from harness.faults import Status, spans
from harness.streams import Streams
from harness.target import NodeService
from harness.verdict import Verdict
from nemeses.power import Power
from targets.toy import Toy
from tests.simulated import perform
from workloads.register import Register

missing = engine.problem() or next(filter(None, capability.problems().values()), None)
pytestmark = [pytest.mark.docker, pytest.mark.skipif(missing is not None, reason=str(missing))]

NEEDS = frozenset(capability.NEEDS)


class Storing:
    """As much of a target as a cluster looks at."""

    name = "storing"
    service = NodeService("storing_store:Storing", packages=("storing_store",))


def on_cluster(main: Any) -> None:
    made = cluster(("n1", "n2"))

    async def with_cluster() -> None:
        try:
            await made.create(Storing(), NEEDS)
            await main(made)
        finally:
            await made.destroy()

    made.run(with_cluster)
    assert nothing(traces(made.run_name))
    assert not any(made.run_name in backing for backing in kernel.loops().values())
    assert not (ledger.SCRATCH / made.run_name).exists()


async def ask(made: DockerCluster, what: str, node: str = "n1") -> dict[str, Any]:
    connection = await made.connect(node)
    try:
        return await connection.call({"type": what})
    finally:
        await connection.close()


def inside(made: DockerCluster, script: str, node: str = "n1") -> str:
    """What a shell in the container says."""
    command = ["nsenter", "-t", str(made.members[node].init), "-m", "-p", "sh", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def test_each_fault_is_seen_from_inside_and_gone_when_healed() -> None:
    async def main(made: DockerCluster) -> None:
        disks = made.disks
        assert " ext4 " in inside(made, f"grep ' {DATA} ' /proc/mounts")

        # power loss: what was acknowledged before it was synced is gone, what was synced is there
        assert (await ask(made, "store"))["type"] == "store_ok"
        assert (await ask(made, "hoard"))["type"] == "hoard_ok"
        assert inside(made, f"cat {DATA}/log") == "storehoard"
        lost = (await disks.lose_power(["n1"]))["n1"]
        assert lost.status is Status.APPLIED and lost.measured["lost_bytes"] == 5
        assert inside(made, f"cat {DATA}/log") == "store"
        await made.processes.start(["n1"])
        assert (await ask(made, "look"))["found"] == "store"

        # full
        assert (await disks.impair("f", ["n1"], Impairment("full")))["n1"].status is Status.APPLIED
        assert "No space left" in inside(made, f"dd if=/dev/zero of={DATA}/x bs=64k count=1 2>&1")
        inside(made, f"rm -f {DATA}/x")
        assert (await disks.repair("f"))["n1"].status is Status.APPLIED
        assert (await ask(made, "store"))["type"] == "store_ok"

        # slow
        await disks.impair("f", ["n1"], Impairment("slow", delay_ms=300))
        assert (await ask(made, "store"))["took_ms"] >= 300
        assert (await ask(made, "store", "n2"))["took_ms"] < 300, "only where it was asked for"
        assert (await disks.repair("f"))["n1"].measured["injected_syncs"] >= 1
        assert (await ask(made, "store"))["took_ms"] < 300

        # failing syncs
        await disks.impair("f", ["n1"], Impairment("error", error="EIO"))
        assert (await ask(made, "store"))["errno"] == "EIO"
        await disks.repair("f")
        assert (await ask(made, "store"))["type"] == "store_ok"

        # hang
        await disks.impair("f", ["n1"], Impairment("hang"))
        waiting = asyncio.create_task(ask(made, "store"))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await disks.repair("f")
        assert (await waiting)["type"] == "store_ok"

        # read-only
        assert (await disks.impair("f", ["n1"], Impairment("read-only")))["n1"].measured["errno"] == "EROFS"
        assert "Read-only" in inside(made, f"touch {DATA}/x 2>&1")
        assert (await disks.repair("f"))["n1"].status is Status.APPLIED
        await made.processes.start(["n1"])
        assert (await ask(made, "store"))["type"] == "store_ok"

        # corruption
        before = inside(made, f"cat {DATA}/log")
        flipped = (await disks.corrupt(["n1"], Corruption("flip")))["n1"].measured["flip"]
        assert len(flipped) == 1 and inside(made, f"cat {DATA}/log") != before

    on_cluster(main)


@pytest.mark.parametrize(("sync", "verdict"), [(True, Verdict.PASS), (False, Verdict.FAIL)])
def test_a_store_that_acknowledges_before_it_syncs_is_caught_by_a_power_loss(sync: bool, verdict: Verdict) -> None:
    service = NodeService("storing_store:Careful", packages=("storing_store",), options={"sync": sync})
    history = perform(
        cluster(("n1",)),
        Toy("careful", service, ()),
        [Power(interval=1.5, targets="all")],
        streams=Streams(3),
        time_s=5,
        settle_s=0,
        workload=Register(keys=4, rate=100, concurrency=4),
    )
    assert any(span.applied for span in spans(history))
    result = Linearizable(model="cas-register").check(history, budget=Budget())
    assert result.verdict is verdict, result.why


def test_a_cluster_is_removed_while_its_disks_hang() -> None:
    async def main(made: DockerCluster) -> None:
        await made.disks.impair("f", ["n1", "n2"], Impairment("hang"))
        writing = asyncio.create_task(ask(made, "store"))
        await asyncio.sleep(0.2)
        writing.cancel()

    on_cluster(main)


DYING = """
import asyncio, os, signal
from docker_support import cluster
from harness.clusters.base import Impairment
from test_docker_disks import NEEDS, Storing, ask

made = cluster(("n1", "n2"))

async def main():
    await made.create(Storing(), NEEDS)
    print(made.run_name, flush=True)
    await made.disks.impair("f", ["n1"], Impairment("hang"))
    await made.disks.impair("g", ["n2"], Impairment("slow", delay_ms=60_000))
    asyncio.create_task(ask(made, "store"))
    asyncio.create_task(ask(made, "store", "n2"))
    await asyncio.sleep(0.3)
    os.kill(os.getpid(), signal.SIGKILL)

made.run(main)
"""


def test_a_killed_controller_leaves_disks_that_are_swept_away() -> None:
    here = str(Path(__file__).parent)
    died = subprocess.run([sys.executable, "-c", DYING], cwd=here, capture_output=True, text=True, env=_with_path(here))
    assert died.returncode == -signal.SIGKILL, died.stderr
    run = died.stdout.strip()
    assert traces(run)["containers"]
    DockerCluster.sweep()
    assert nothing(traces(run))
    assert not any(run in backing for backing in kernel.loops().values())
    assert not (ledger.SCRATCH / run).exists()


def _with_path(here: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([here, str(Path(here).parents[2])])}
