"""Disk faults of nodes in namespaces: what the service and a shell beside it see, and that nothing is left."""

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
from process_support import cluster

from harness.clusters.base import Impairment
from harness.clusters.linux import ledger
from harness.clusters.linux.disks import capability, kernel
from harness.clusters.process import ProcessCluster, rooms

missing = ProcessCluster.probe()["available"] or next(filter(None, capability.problems().values()), None)
pytestmark = pytest.mark.skipif(missing is not None, reason=str(missing))

HERE = Path(__file__).parent


def on_cluster(main: Any) -> None:
    made = cluster(("n1", "n2"))

    async def with_cluster() -> None:
        try:
            await made.create(Storing(), NEEDS)
            await main(made)
        finally:
            await made.destroy()

    made.run(with_cluster)
    nothing_is_left(made.run_name)


def nothing_is_left(run: str) -> None:
    assert not any(run in backing for backing in kernel.loops().values())
    assert not (ledger.SCRATCH / run).exists()
    assert processes_of(run) == []


def processes_of(run: str) -> list[int]:
    """Whose command line speaks of a run, as this machine numbers them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                said = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if f"/{run}/".encode() in said:
                found.append(int(entry.name))
    return found


def test_each_fault_is_seen_from_inside_and_gone_when_healed() -> None:
    async def main(made: ProcessCluster) -> None:
        data = str(rooms.home(ledger.SCRATCH / made.run_name, "n1"))
        [service] = [pid for pid in processes_of(made.run_name) if data in Path(f"/proc/{pid}/cmdline").read_text()]
        shell = Shell(service)
        try:
            await each_fault_is_seen_from_inside(made, shell, data)
        finally:
            shell.close()

    on_cluster(main)


def test_a_cluster_is_removed_while_its_disks_hang() -> None:
    async def main(made: ProcessCluster) -> None:
        await made.disks.impair("f", ["n1", "n2"], Impairment("hang"))
        writing = asyncio.create_task(ask(made, "store"))
        await asyncio.sleep(0.2)
        writing.cancel()

    on_cluster(main)


DYING = """
import asyncio, os, signal
from disk_scene import NEEDS, Storing, ask
from harness.clusters.base import Impairment
from process_support import cluster

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
    path = os.pathsep.join([str(HERE), str(HERE.parents[2])])
    died = subprocess.run(
        [sys.executable, "-c", DYING], cwd=HERE, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    ProcessCluster.sweep()
    nothing_is_left(died.stdout.strip())
