"""Every disk fault on a node of a cluster, asserted from inside it: what the service sees, and a shell beside it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import Any

from harness.clusters.base import Corruption, Impairment
from harness.clusters.linux.disks import capability
from harness.faults import Status
from harness.target import NodeService

NEEDS = frozenset(capability.NEEDS)


class Storing:
    """As much of a target as a cluster looks at."""

    name = "storing"
    service = NodeService("storing_store:Storing", packages=("storing_store",))


async def ask(made: Any, what: str, node: str = "n1") -> dict[str, Any]:
    connection = await made.connect(node)
    try:
        return await connection.call({"type": what})
    finally:
        await connection.close()


class Shell:
    """A shell that sees the files a process sees, also when that process is gone."""

    def __init__(self, pid: int) -> None:
        self.mounts = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)

    def __call__(self, script: str) -> str:
        command = ["nsenter", f"--mount=/proc/self/fd/{self.mounts}", "sh", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=[self.mounts])
        return done.stdout.strip()

    def close(self) -> None:
        os.close(self.mounts)


async def each_fault_is_seen_from_inside(made: Any, shell: Shell, data: str) -> None:
    disks = made.disks
    assert len(set(shell(f"stat -c %d {data} {data}/..").split())) == 2, "a file system of its own"

    # power loss: what was acknowledged before it was synced is gone, what was synced is there
    assert (await ask(made, "store"))["type"] == "store_ok"
    assert (await ask(made, "hoard"))["type"] == "hoard_ok"
    assert shell(f"cat {data}/log") == "storehoard"
    lost = (await disks.lose_power(["n1"]))["n1"]
    assert lost.status is Status.APPLIED and lost.measured["lost_bytes"] == 5
    assert shell(f"cat {data}/log") == "store"
    await made.processes.start(["n1"])
    assert (await ask(made, "look"))["found"] == "store"

    # full
    assert (await disks.impair("f", ["n1"], Impairment("full")))["n1"].status is Status.APPLIED
    assert "No space left" in shell(f"dd if=/dev/zero of={data}/x bs=64k count=1 2>&1")
    shell(f"rm -f {data}/x")
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
    assert "Read-only" in shell(f"touch {data}/x 2>&1")
    assert (await disks.repair("f"))["n1"].status is Status.APPLIED
    await made.processes.start(["n1"])
    assert (await ask(made, "store"))["type"] == "store_ok"

    # corruption
    before = shell(f"cat {data}/log")
    flipped = (await disks.corrupt(["n1"], Corruption("flip")))["n1"].measured["flip"]
    assert len(flipped) == 1 and shell(f"cat {data}/log") != before
