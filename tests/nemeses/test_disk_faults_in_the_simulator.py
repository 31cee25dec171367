"""Disks, power and corruption on a simulated cluster: what they do, what proves it, and how they get along."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from harness.clusters.base import IMPAIRMENTS, Impairment
from harness.clusters.base import Corruption as Damage
from harness.clusters.sim import SimCluster
from harness.errors import UsageError
from harness.faults import Evidence, Fault, Injection, Status, spans
from harness.nemesis import Nemesis
from harness.streams import Streams
from harness.toll import Toll
from nemeses.corruption import Corruption
from nemeses.disk import Disk
from nemeses.kill import Kill
from nemeses.power import Power
from targets.bundled.raft import raft
from tests.simulated import play

NODES = ["n1", "n2", "n3", "n4", "n5"]


def on_cluster(scene: Any, seed: int = 1) -> None:
    cluster = SimCluster(nodes=NODES, streams=Streams(seed), run_id="lab")
    target = raft()

    async def main() -> None:
        await cluster.create(target)
        await target.ready(cluster)
        await scene(cluster)

    cluster.run(main)


async def inject(cluster: SimCluster, nemesis: Nemesis, id: str, **draw: Any) -> Injection:
    return await nemesis.inject(cluster, Fault(id, nemesis.family, {"seed": 7} | draw))


async def heal(cluster: SimCluster, nemesis: Nemesis, id: str) -> dict[str, Evidence]:
    return dict(await nemesis.heal(cluster, Fault(id, nemesis.family, {})))


def state(cluster: SimCluster, node: str) -> str:
    return cluster._machines[node].state


PROOFS = {
    "full": {"errno": "ENOSPC"},
    "read-only": {"errno": "EROFS"},
    "error": {"errno": "EIO"},
}


@pytest.mark.parametrize("kind", IMPAIRMENTS)
def test_a_bad_disk_proves_itself_and_is_good_again_when_healed(kind: str) -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Disk(kinds=kind, delay="300ms")
        injection = await inject(cluster, nemesis, "disk-1", **nemesis.draw(Random(1)) | {"targets": ["n2"]})
        assert injection.nodes["n2"].status is Status.APPLIED
        measured = injection.nodes["n2"].measured
        assert measured.items() >= {"impairment": kind, **PROOFS.get(kind, {})}.items()
        if kind == "slow":
            assert 300 <= measured["sync_ms"] < 302
        if kind == "hang":
            assert measured["sync_hangs_after_ms"] > 50
        second = await inject(cluster, nemesis, "disk-2", kind="slow", delay_ms=1.0, targets=["n2", "n3"])
        assert second.nodes["n2"].why == "disk-1 impairs this disk already"
        assert second.nodes["n3"].status is Status.APPLIED
        await asyncio.sleep(2)
        healed = await heal(cluster, nemesis, "disk-1")
        assert healed["n2"].status is Status.APPLIED and healed["n2"].measured["sync_ms"] <= 1
        assert state(cluster, "n2") == "running"
        assert await heal(cluster, nemesis, "disk-1") == {}, "healing again does no harm"
        await heal(cluster, nemesis, "disk-2")
        assert cluster.disks.excuse("n3") is None

    on_cluster(scene)


def test_a_node_that_cannot_start_on_its_bad_disk_is_started_when_the_disk_is_good() -> None:
    async def scene(cluster: SimCluster) -> None:
        kill, disk = Kill(), Disk()
        await inject(cluster, kill, "kill-1", targets=["n2"])
        await inject(cluster, disk, "disk-1", kind="full", targets=["n2"])
        healed = await heal(cluster, kill, "kill-1")
        assert healed["n2"].status is Status.INDETERMINATE
        assert "its disk is impaired by disk-1 (full), and it does not start" in healed["n2"].why
        healed = await heal(cluster, disk, "disk-1")
        assert healed["n2"].measured["started_again"]["state"] == "running"

    on_cluster(scene)


def test_a_good_disk_does_not_bring_back_whom_a_kill_holds_down() -> None:
    async def scene(cluster: SimCluster) -> None:
        kill, disk = Kill(), Disk()
        await inject(cluster, disk, "disk-1", kind="slow", delay_ms=5.0, targets=["n2"])
        await inject(cluster, kill, "kill-1", targets=["n2"])
        assert "started_again" not in (await heal(cluster, disk, "disk-1"))["n2"].measured
        assert state(cluster, "n2") == "killed"
        await heal(cluster, kill, "kill-1")
        assert state(cluster, "n2") == "running"

    on_cluster(scene)


def test_power_is_off_until_no_fault_wants_the_node_down() -> None:
    async def scene(cluster: SimCluster) -> None:
        kill, power = Kill(), Power()
        injection = await inject(cluster, power, "power-1", targets=["n1", "n2"])
        assert injection.nodes["n1"].measured["state"] == "killed"
        assert "unsynced_writes" in injection.nodes["n1"].measured
        assert (await inject(cluster, kill, "kill-1", targets=["n2"])).nodes["n2"].status is Status.SKIPPED
        await inject(cluster, kill, "kill-2", targets=["n3"])
        assert (await inject(cluster, power, "power-2", targets=["n3"])).nodes["n3"].status is Status.SKIPPED
        await heal(cluster, power, "power-1")
        assert (state(cluster, "n1"), state(cluster, "n2"), state(cluster, "n3")) == ("running", "running", "killed")
        await power.teardown(cluster)
        assert state(cluster, "n3") == "killed", "the kill still holds it"
        await heal(cluster, kill, "kill-2")
        assert state(cluster, "n3") == "running"

    on_cluster(scene)


def test_over_a_whole_run_only_a_minority_is_ever_damaged() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis, random = Corruption(), Random(3)
        damaged = set()
        for number in range(12):
            draw = nemesis.draw(random)
            injection = await nemesis.inject(cluster, Fault(f"corruption-{number}", "corruption", draw))
            damaged |= set(injection.nodes)
            await heal(cluster, nemesis, f"corruption-{number}")
        assert 1 <= len(damaged) <= 2

    on_cluster(scene)


def test_a_damaged_log_keeps_a_server_down_and_the_evidence_says_why() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Corruption(kinds="flip")
        injection = await inject(cluster, nemesis, "corruption-1", kind="flip", targets=["n2"])
        [change] = injection.nodes["n2"].measured["flip"]
        assert change["file"] == "raft.log" and change["length"] == 1
        healed = await heal(cluster, nemesis, "corruption-1")
        assert healed["n2"].status is Status.INDETERMINATE
        assert "its data was damaged, and it does not start" in healed["n2"].why
        await nemesis.teardown(cluster)
        assert state(cluster, "n2") == "killed"

    on_cluster(scene)


def test_a_rollback_puts_back_what_was_there() -> None:
    async def scene(cluster: SimCluster) -> None:
        nemesis = Corruption(kinds="rollback", targets=["n2"], chunk_bytes=64, probability=1)
        disk = cluster._machines["n2"].disk
        before = disk.read("raft.log") or b""
        injecting = asyncio.ensure_future(inject(cluster, nemesis, "corruption-1", kind="rollback", targets=["n2"]))
        await asyncio.sleep(0.5)
        connection = await cluster.connect("n1")
        await connection.call({"type": "write", "key": "x", "value": "y" * 100})
        injection = await injecting
        assert injection.nodes["n2"].status is Status.APPLIED and injection.nodes["n2"].measured["restore"]
        after = disk.read("raft.log") or b""
        assert after.startswith(before) and len(after) > len(before)
        assert after[len(before) : len(before) // 64 * 64 + 64].strip(b"\0") == b""

    on_cluster(scene)


def test_what_is_no_fault_is_refused() -> None:
    async def scene(cluster: SimCluster) -> None:
        disks = cluster.disks
        for refused in (
            disks.impair("f", ["n9"], Impairment("full")),
            disks.impair("f", ["n1"], Impairment("wet")),
            disks.impair("f", ["n1"], Impairment("error", error="EWET")),
            disks.corrupt(["n1"], Damage("melt")),
            disks.lose_power(["n9"]),
        ):
            with pytest.raises(UsageError):
                await refused
        nothing = await disks.corrupt(["n1"], Damage("flip", files="*.absent"))
        assert nothing["n1"].status is Status.SKIPPED

    on_cluster(scene)


def test_a_seed_damages_the_same_places() -> None:
    found = []

    async def scene(cluster: SimCluster) -> None:
        evidence = await cluster.disks.corrupt(["n1"], Damage("flip", probability=0.5, chunk_bytes=16, seed=5))
        found.append(evidence["n1"].measured)

    on_cluster(scene)
    on_cluster(scene)
    assert found[0] == found[1] and len(found[0]["flip"]) >= 1


def test_what_a_fault_may_take_is_told_before_it_comes() -> None:
    draw = {"targets": ["n2"], "seed": 7}
    assert Power().toll(NODES, draw) == Toll.holding(["n2"])
    assert Disk().toll(NODES, {"kind": "slow", **draw}) == Toll()
    assert Disk().toll(NODES, {"kind": "error", **draw}) == Toll.holding(["n2"])

    async def scene(cluster: SimCluster) -> None:
        nemesis = Corruption(kinds="truncate", targets="minority")
        for seed in range(6):
            told = nemesis.toll(NODES, {"targets": "minority", "seed": seed})
            injection = await inject(
                cluster, nemesis, f"corruption-{seed}", kind="truncate", targets="minority", seed=seed
            )
            assert told == Toll.holding(injection.nodes)

    on_cluster(scene)


def test_a_watchdog_leaves_a_node_alone_whose_disk_is_bad() -> None:
    disk = Disk(kinds="full", interval=4, targets=["n2"])
    played = play(raft(), [disk], seed=2, time_s=12, restart=True)
    assert [span.applied for span in spans(played.history)] == [True, True]
    assert not any(op.f in ("crash", "restart") for op in played.history)
