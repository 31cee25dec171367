"""Real file systems, broken under a real service: what it sees, what survives, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from storing_node import StoringNode

from harness.clusters.base import Corruption, Impairment
from harness.clusters.linux import processes
from harness.clusters.linux.clocks import PatchedClocks
from harness.clusters.linux.disks import files, kernel, syscalls, volume
from harness.clusters.linux.disks.capability import Disks, problem
from harness.clusters.linux.disks.volume import Volume
from harness.clusters.linux.services import Services
from harness.errors import ClusterError, UsageError
from harness.faults import Evidence, Status

needs_volume = pytest.mark.skipif(volume.problem() is not None, reason=str(volume.problem()))
needs_strace = pytest.mark.skipif(syscalls.problem() is not None, reason=str(syscalls.problem()))

SIZE = 64 * 1024 * 1024


class Lab:
    """One storing node on a volume of its own, with all that acts on it."""

    def __init__(self, place: Path, *, own: bool = True, image: bool = True) -> None:
        data = place / "data"
        data.mkdir()
        self.image = place / "scratch" / "n1.ext4" if image else None
        self.node = StoringNode("n1", data)
        self.volume = Volume("n1", data, str(data), None, self.image, SIZE) if own else None
        locks = {"n1": asyncio.Lock()}
        self.clocks = PatchedClocks({"n1": self.node}, locks)
        self.services = Services({"n1": self.node}, locks, self.clocks, lambda: False)
        self.disks = Disks({"n1": self.node}, locks, self.services, {"n1": self.volume} if self.volume else {})

    def run(self, main: Callable[[], Awaitable[None]]) -> None:
        async def story() -> None:
            await self.services.start(["n1"])
            await main()

        if self.volume is not None:
            self.volume.make()
        try:
            asyncio.run(story())
        finally:
            self.disks.close()
            self.clocks.close()
            self.node.close()
            if self.volume is not None:
                self.volume.unmount()

    async def impair(self, kind: str, **how: Any) -> Evidence:
        return (await self.disks.impair("disk-1", ["n1"], Impairment(kind, **how)))["n1"]

    async def repair(self) -> Evidence:
        return (await self.disks.repair("disk-1"))["n1"]

    def tell(self, what: str) -> str:
        return self.node.tell(what)[0]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    assert made.image is None or kernel.attached(made.image) == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")


@needs_volume
def test_a_power_loss_takes_what_was_not_synced_and_nothing_else(lab: Lab) -> None:
    async def main() -> None:
        lab.tell("store acknowledged")
        lab.tell("append only in memory")
        assert lab.node.log() == ["acknowledged", "only in memory"]
        evidence = (await lab.disks.lose_power(["n1"]))["n1"]
        assert evidence.status is Status.APPLIED
        assert evidence.measured["write_without_power"] == "EIO"
        assert (evidence.measured["lost_bytes"], evidence.measured["files_cut_short"]) == (15, ["log"])
        assert lab.node.pids() == [] and lab.node.log() == ["acknowledged"]
        again = (await lab.disks.lose_power(["n1"]))["n1"]
        assert (again.status, again.why) == (Status.SKIPPED, "the node was not running")
        await lab.services.start(["n1"])
        assert lab.tell("store after") == "ok" and lab.node.log() == ["acknowledged", "after"]
        await lab.disks.lose_power(["n1"])
        assert lab.node.log() == ["acknowledged", "after"]

    lab.run(main)


@needs_volume
def test_a_full_disk_refuses_writes_until_it_is_repaired(lab: Lab) -> None:
    async def main() -> None:
        evidence = await lab.impair("full")
        assert evidence.status is Status.APPLIED
        assert evidence.measured.items() >= {"errno": "ENOSPC", "impairment": "full"}.items()
        assert evidence.measured["filled_bytes"] > SIZE // 2 and evidence.measured["free_bytes"] < 65536
        assert lab.tell("store " + "x" * 5000) == "ENOSPC"
        second = (await lab.disks.impair("disk-2", ["n1"], Impairment("hang")))["n1"]
        assert second.why == "disk-1 impairs this disk already"
        await lab.services.kill(["n1"])
        healed = await lab.repair()
        assert healed.status is Status.APPLIED and healed.measured["sync_ms"] > 0
        assert await lab.disks.repair("disk-1") == {}
        await lab.services.start(["n1"])
        assert lab.tell("store " + "x" * 5000) == "ok"
        assert [path.name for path in lab.node.data.iterdir()] == ["log"]

    lab.run(main)


@needs_volume
def test_a_broken_file_system_is_read_only_until_it_is_checked(lab: Lab) -> None:
    async def main() -> None:
        lab.tell("store before")
        evidence = await lab.impair("read-only")
        assert evidence.status is Status.APPLIED and evidence.measured["errno"] == "EROFS"
        assert lab.tell("store refused") in ("EROFS", "EIO")
        assert lab.node.log()[:1] == ["before"]
        healed = await lab.repair()
        assert healed.status is Status.APPLIED and healed.measured["sync_ms"] > 0
        assert healed.measured["killed_pids"] and lab.node.pids() == []
        await lab.services.start(["n1"])
        assert lab.tell("store after") == "ok"
        assert lab.node.log() == ["before", "after"]

    lab.run(main)


@needs_volume
def test_a_hanging_disk_holds_up_every_write_until_it_goes_on(lab: Lab) -> None:
    async def main() -> None:
        evidence = await lab.impair("hang")
        assert evidence.status is Status.APPLIED
        assert evidence.measured["state"] == "D" and evidence.measured["write_unfinished_after_ms"] >= 200
        telling = asyncio.create_task(asyncio.to_thread(lab.node.tell, "store slowly"))
        await asyncio.sleep(0.3)
        assert not telling.done() and processes.state(lab.node.pids()[0]) == "D"
        healed = await lab.repair()
        assert healed.measured["waiting_write_ended_with"] == 0
        answer, took_ms = await telling
        assert answer == "ok" and took_ms > 250

    lab.run(main)


@needs_volume
def test_a_kill_on_a_hanging_disk_is_told_as_what_it_is(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.clusters.linux.services.SIGNAL_TIMEOUT_S", 0.2)

    async def main() -> None:
        await lab.impair("hang")
        telling = asyncio.create_task(asyncio.to_thread(lab.node.tell, "store never"))
        await asyncio.to_thread(lab.node.wait, lambda: processes.state(lab.node.pids()[0]) == "D")
        killed = (await lab.services.kill(["n1"]))["n1"]
        assert killed.status is Status.INDETERMINATE and "its disk is impaired by disk-1 (hang)" in killed.why
        await lab.repair()
        lab.node.wait(lambda: not lab.node.pids())
        with pytest.raises((OSError, ValueError)):
            await telling

    lab.run(main)


@needs_volume
def test_a_freeze_ends_with_whoever_made_it(lab: Lab) -> None:
    async def main() -> None:
        script = (
            "import os, signal, sys\n"
            "from harness.clusters.linux.disks import kernel\n"
            "kernel.freeze(os.open(sys.argv[1], os.O_RDONLY))\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script, str(lab.node.data)])
        assert ended.returncode == -signal.SIGKILL
        assert (await asyncio.to_thread(lab.node.tell, "store thawed"))[0] == "ok"

    lab.run(main)


@needs_volume
def test_what_a_killed_freezer_left_frozen_is_found_and_thawed(lab: Lab, tmp_path: Path) -> None:
    async def main() -> None:
        with files.opened(lab.node.data) as here:
            freezer = kernel.freeze(here)
        freezer.kill()
        freezer.wait()
        assert freezer.stdin is not None
        freezer.stdin.close()
        telling = asyncio.create_task(asyncio.to_thread(lab.node.tell, "store thawed"))
        await asyncio.sleep(0.2)
        assert not telling.done()
        assert volume.thaw_below(tmp_path / "elsewhere") == []
        assert volume.thaw_below(tmp_path) == [f"frozen file system {lab.image}"]
        assert (await telling)[0] == "ok"
        assert volume.thaw_below(tmp_path) == []

    lab.run(main)


@needs_volume
def test_a_bounded_memory_file_system_can_be_filled_too(tmp_path: Path) -> None:
    lab = Lab(tmp_path, image=False)

    async def main() -> None:
        evidence = await lab.impair("full")
        assert evidence.status is Status.APPLIED and evidence.measured["errno"] == "ENOSPC"
        assert lab.tell("store " + "x" * 5000) == "ENOSPC"
        await lab.repair()
        assert lab.tell("store " + "x" * 5000) == "ok"

    lab.run(main)


@needs_strace
def test_syncs_are_slow_for_the_service_and_for_the_next_one(tmp_path: Path) -> None:
    lab = Lab(tmp_path, own=False)

    async def main() -> None:
        assert lab.node.tell("store fast")[1] < 150
        evidence = await lab.impair("slow", delay_ms=200)
        assert evidence.measured["traced_threads"] == 1
        assert lab.node.tell("store slow")[1] >= 200
        await lab.services.kill(["n1"])
        started = (await lab.services.start(["n1"]))["n1"]
        assert started.measured["disk"]["fault"] == "disk-1" and started.measured["disk"]["traced_threads"] == 1
        assert lab.node.tell("store slow")[1] >= 200
        healed = await lab.repair()
        assert healed.status is Status.APPLIED and healed.measured["injected_syncs"] == 2
        assert lab.node.tell("store fast")[1] < 150

    lab.run(main)


@needs_strace
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_syncs_fail_with_the_error_that_was_asked_for(tmp_path: Path, error: str) -> None:
    lab = Lab(tmp_path, own=False)

    async def main() -> None:
        await lab.impair("error", error=error)
        assert lab.tell("store refused") == error
        assert lab.tell("append taken") == "ok"
        assert (await lab.repair()).measured["injected_syncs"] == 1
        assert lab.tell("store taken") == "ok"
        await lab.services.kill(["n1"])
        assert (await lab.impair("error", error=error)).why == "the node was not running"

    lab.run(main)


def test_flipped_bits_truncation_and_rollback_are_on_disk_where_the_evidence_says(tmp_path: Path) -> None:
    lab = Lab(tmp_path, own=False)

    async def damage(kind: str, **how: Any) -> Any:
        evidence = (await lab.disks.corrupt(["n1"], Corruption(kind, seed=3, chunk_bytes=16, **how)))["n1"]
        assert evidence.status is Status.APPLIED
        return evidence.measured[kind]

    async def main() -> None:
        log = lab.node.data / "log"
        lab.tell("store " + "x" * 99)
        before = log.read_bytes()
        assert len(await damage("snapshot", probability=1)) == 7
        assert log.read_bytes() == before and lab.disks.excuse("n1") is None
        flips = await damage("flip", probability=0.5)
        damaged = log.read_bytes()
        different = [place for place in range(100) if damaged[place] != before[place]]
        assert different == sorted(flip["offset"] for flip in flips) and len(different) > 1
        assert all((damaged[place] ^ before[place]).bit_count() == 1 for place in different)
        assert lab.disks.excuse("n1") == "its data was damaged"
        lab.tell("store " + "y" * 19)
        await damage("restore")
        assert log.read_bytes() == before + b"\0" * 12 + b"y" * 7 + b"\n"
        [cut] = await damage("truncate")
        assert (cut["offset"], log.stat().st_size) == (104, 104)
        nothing = await lab.disks.corrupt(["n1"], Corruption("flip", files="*.absent"))
        assert nothing["n1"].why == "there is no data that could be damaged"

    lab.run(main)


def test_links_that_a_service_made_lead_nowhere(tmp_path: Path) -> None:
    secret, data = tmp_path / "secret", tmp_path / "data"
    secret.write_bytes(b"precious")
    data.mkdir()
    (data / "link").symlink_to(secret)
    (data / "folder").symlink_to(tmp_path)
    os.mkfifo(data / "pipe")
    (data / "splitbrain.probe").symlink_to(secret)
    assert files.sizes(data) == {}
    assert files.corrupt(data, Corruption("flip", probability=1), {}) == []
    assert files.probe(data) == {"errno": "ELOOP"}
    link = tmp_path / "elsewhere"
    link.symlink_to(data)
    with pytest.raises(OSError), files.opened(Path(f"/proc/{os.getpid()}/root{link}")):
        pass
    assert secret.read_bytes() == b"precious"


def test_what_is_no_fault_is_refused(tmp_path: Path) -> None:
    lab = Lab(tmp_path, own=False)

    async def main() -> None:
        for refused in (
            lab.disks.impair("f", ["n9"], Impairment("full")),
            lab.disks.impair("f", ["n1"], Impairment("wet")),
            lab.disks.impair("f", ["n1"], Impairment("error", error="EWET")),
            lab.disks.corrupt(["n1"], Corruption("melt")),
        ):
            with pytest.raises(UsageError):
                await refused
        with pytest.raises(ClusterError, match="n1 was given no file system of its own"):
            await lab.impair("full")

    lab.run(main)


@needs_volume
def test_others_loop_devices_and_mounts_stay_as_they_are(lab: Lab, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.img"
    with theirs.open("wb") as file:
        file.truncate(1024 * 1024)
    device, number = kernel.attach(theirs)
    try:

        async def main() -> None:
            await lab.disks.lose_power(["n1"])
            await lab.services.start(["n1"])
            assert kernel.attached(theirs) == [number]

        lab.run(main)
        assert kernel.attached(theirs) == [number]
    finally:
        os.close(device)
    assert kernel.attached(theirs) == []


ROOTLESS = """
import sys
from pathlib import Path
from harness.clusters.linux.disks import capability, files
from harness.clusters.linux.disks.volume import Volume
problems = capability.problems()
assert problems["disk-full"] is None and problems["corrupt"] is None
assert problems["power-loss"] == "only root can give a node an ext4 file system of its own"
own = Volume("n1", Path(sys.argv[1]), sys.argv[1], None, None, 16 << 20)
own.make()
own.fill()
assert files.probe(own.data) == {"errno": "ENOSPC"}
own.empty()
assert "sync_ms" in files.probe(own.data)
"""


def test_in_a_user_namespace_a_disk_can_be_filled_and_no_more(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode:
        pytest.skip("user namespaces are not allowed here")
    checkout = Path(__file__).parents[4]
    done = subprocess.run(
        ["unshare", "-Urm", sys.executable, "-c", ROOTLESS, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [], "the mount went with its namespace"


def test_what_this_machine_cannot_do_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problem("corrupt") is None
    monkeypatch.setattr(volume, "_program", lambda name: None)
    if os.geteuid() == 0:
        assert problem("power-loss") == "mkfs.ext4 is not installed (package e2fsprogs)"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert problem("disk-hang") == "only root can give a node an ext4 file system of its own"
