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
from disk_scene import NEEDS, Shell, Storing, ask, each_fault_is_seen_from_inside
from docker_support import cluster, nothing, traces

from checkers.linearizable import Linearizable
from harness.checker import Budget
from harness.clusters.base import Impairment
from harness.clusters.docker import DockerCluster, engine
from harness.clusters.docker.node import DATA
from harness.clusters.linux import ledger
from harness.clusters.linux.disks import capability, kernel
from harness.faults import spans
from harness.streams import Streams
from harness.target import NodeService
from harness.verdict import Verdict
from nemeses.power import Power
from targets.toy import Toy
from tests.simulated import perform
from workloads.register import Register

missing = engine.problem() or next(filter(None, capability.problems().values()), None)
pytestmark = [pytest.mark.docker, pytest.mark.skipif(missing is not None, reason=str(missing))]


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


def test_each_fault_is_seen_from_inside_and_gone_when_healed() -> None:
    async def main(made: DockerCluster) -> None:
        shell = Shell(made.members["n1"].init)
        try:
            await each_fault_is_seen_from_inside(made, shell, DATA)
        finally:
            shell.close()

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
from disk_scene import NEEDS, Shell, Storing, ask, each_fault_is_seen_from_inside
from docker_support import cluster
from harness.clusters.base import Impairment
from disk_scene import NEEDS, Storing, ask

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
