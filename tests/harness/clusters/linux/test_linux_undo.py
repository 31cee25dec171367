"""The undo log: what it does to the machine, and that neither a crash, a full disk nor a forger turns it against it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clusters.linux import cgroups, nft, processes, undo, vdso
from harness.clusters.linux.identity import boot_id
from harness.clusters.linux.undo import UndoLog, replay
from harness.clusters.linux.vdso_self_test import self_test
from harness.errors import ClusterError

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[UndoLog]:
    made = UndoLog(tmp_path / "run" / "undo.jsonl")
    yield made
    made.close()


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as made:
        time.sleep(0.1)
        yield made
        made.kill()


def test_a_stopped_process_goes_on_and_a_second_time_is_one_too_many(
    log: UndoLog, child: subprocess.Popen[bytes]
) -> None:
    log.add(undo.resume(child.pid))
    os.kill(child.pid, signal.SIGSTOP)
    assert not processes.wait_stopped([child.pid], 5)
    [told] = log.undo()
    assert told == f"resume (pid {child.pid})"
    assert processes.state(child.pid) not in processes.STOPPED_STATES
    assert log.undo() == [] and log.steps == ()


def test_a_helper_is_killed_and_nobody_who_has_its_number_now(log: UndoLog, child: subprocess.Popen[bytes]) -> None:
    step = undo.kill(child.pid)
    for other in ({**step, "start_ticks": 1}, {**step, "boot": "another"}):
        log.add(other)
        assert log.undo() == []
        assert processes.alive(child.pid)
    log.add(step)
    log.undo()
    assert not processes.alive(child.pid)
    log.add(step)
    assert log.undo() == []
    with pytest.raises(ProcessLookupError):
        undo.kill(2**22 + 1)


@pytest.mark.skipif(self_test() is not None, reason=str(self_test()))
def test_a_patched_clock_is_true_again_byte_for_byte(log: UndoLog, child: subprocess.Popen[bytes]) -> None:
    log.add(undo.true_clock(child.pid))
    clock = vdso.attach(child.pid)
    clock.set(10**12)
    clock.close()
    assert vdso.offset_ns(child.pid) == 10**12
    assert len(log.undo()) == 1
    assert vdso.image_of(child.pid) == vdso.own_layout().image
    log.add(undo.true_clock(child.pid))
    assert log.undo() == []


@root
@pytest.mark.skipif(nft.problem("inet") is not None, reason=str(nft.problem("inet")))
def test_a_table_of_ours_is_removed_and_no_other(log: UndoLog) -> None:
    name = f"{nft.PREFIX}undo{os.getpid()}"
    log.add(undo.no_table("inet", name))
    subprocess.run(["nft", "add", "table", "inet", name], check=True)
    assert log.undo() == [f"no table (family inet, name {name})"]
    assert ("inet", name) not in nft.tables(nft.listing("tables"))
    log.add(undo.no_table("inet", name))
    assert log.undo() == []
    log.add(undo.no_table("inet", "filter"))
    with pytest.raises(ClusterError, match="'filter' is not ours"):
        log.undo()
    assert len(log.steps) == 1, "it stays on record"


@root
@pytest.mark.skipif(cgroups.problem("cpu") is not None, reason=str(cgroups.problem("cpu")))
def test_the_groups_of_a_run_are_removed(log: UndoLog) -> None:
    run = f"undo{os.getpid()}"
    log.add(undo.no_cgroups(run))
    group = cgroups.make(run, "n1")
    assert log.undo() == [f"no cgroups (run {run})"]
    assert not any(directory.exists() for directory in group.directories.values())


@root
def test_whatever_is_mounted_on_a_path_is_unmounted(log: UndoLog, tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    log.add(undo.unmount(place))
    for _ in range(2):
        done = subprocess.run(["mount", "-t", "tmpfs", "none", str(place)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("nothing can be mounted here")
    with (place / "used").open("w"):
        assert len(log.undo()) == 1
        assert not place.is_mount()
    log.add(undo.unmount(place))
    log.add(undo.unmount(tmp_path / "gone"))
    assert log.undo() == []


@root
def test_a_frozen_file_system_is_thawed(log: UndoLog, tmp_path: Path) -> None:
    disk, place = tmp_path / "disk", tmp_path / "data"
    place.mkdir()
    with disk.open("wb") as file:
        file.truncate(16 << 20)
    if not shutil.which("mkfs.ext4") or not shutil.which("fsfreeze"):
        pytest.skip("needs e2fsprogs and util-linux")
    subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
    if subprocess.run(["mount", "-o", "loop", str(disk), str(place)], capture_output=True, check=False).returncode:
        pytest.skip("no loop devices")
    log.add(undo.unmount(place))
    log.add(undo.thaw(place))
    subprocess.run(["fsfreeze", "-f", str(place)], check=True)
    assert [told.split()[0] for told in log.undo()] == ["thaw", "unmount"], "newest first"
    assert not place.is_mount()
    log.add(undo.thaw(tmp_path))
    assert log.undo() == []


@root
def test_a_shaped_device_gets_its_queue_back(log: UndoLog) -> None:
    if not shutil.which("tc") or not shutil.which("unshare"):
        pytest.skip("needs iproute2 and util-linux")
    argv = ["unshare", "-n", "sh", "-c", "ip link set lo up && echo up && exec sleep 60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as room:
        try:
            assert room.stdout
            if room.stdout.readline() != b"up\n":
                pytest.skip("no network namespaces")
            netns = f"/proc/{room.pid}/ns/net"
            inside = ["nsenter", f"--net={netns}", "tc", "qdisc"]
            log.add(undo.no_qdisc("lo", 0x5B11, netns))
            tbf = ["tbf", "rate", "1mbit", "burst", "32k", "latency", "50ms"]
            subprocess.run([*inside, "add", "dev", "lo", "root", "handle", "5b11:", *tbf], check=True)
            assert len(log.undo()) == 1
            assert "tbf" not in subprocess.run([*inside, "show"], capture_output=True, text=True, check=True).stdout
            log.add(undo.no_qdisc("lo", 0x5B11, netns))
            assert log.undo() == []
            subprocess.run([*inside, "add", "dev", "lo", "root", "handle", "77:", *tbf], check=True)
            log.add(undo.no_qdisc("lo", 0x5B11, netns))
            assert log.undo() == [], "it is somebody else's"
            assert "tbf 77:" in subprocess.run([*inside, "show"], capture_output=True, text=True, check=True).stdout
        finally:
            room.kill()
    log.add(undo.no_qdisc("lo", 0x5B11, netns))
    assert log.undo() == [], "the room is gone, and its devices with it"


# The log itself


def recorded(path: Path) -> list[undo.Step]:
    """What another process would find in a log."""
    log = UndoLog(path)
    log._file.close()
    return list(log.steps)


def test_a_step_is_on_disk_before_the_act_and_struck_after_it(log: UndoLog, child: subprocess.Popen[bytes]) -> None:
    with log.around(undo.resume(child.pid)):
        assert [json.loads(line)["step"]["act"] for line in log.path.read_text().splitlines()] == ["resume"]
        os.kill(child.pid, signal.SIGSTOP)
    assert processes.state(child.pid) not in processes.STOPPED_STATES
    assert recorded(log.path) == []


def test_the_log_of_a_writer_that_was_killed_is_replayed_up_to_its_last_whole_line(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    path = tmp_path / "undo.jsonl"
    program = (
        "import os, sys, signal\nfrom pathlib import Path\nfrom harness.clusters.linux import undo\n"
        "log = undo.UndoLog(Path(sys.argv[1])); pid = int(sys.argv[2])\n"
        "log.strike(log.add(undo.kill(pid)))\nlog.add(undo.resume(pid)); os.kill(pid, signal.SIGSTOP)\n"
        'os.write(log._file.fileno(), b\'{"add": 3, "st\')\nos.kill(os.getpid(), signal.SIGKILL)\n'
    )
    done = subprocess.run([sys.executable, "-c", program, str(path), str(child.pid)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not processes.wait_stopped([child.pid], 5)
    again = UndoLog(path)
    assert [step["act"] for step in again.steps] == ["resume"]
    again.add(undo.resume(child.pid))
    again.close()
    assert [step["act"] for step in recorded(path)] == ["resume", "resume"], "the torn line spoils no other"
    assert replay(path) == [f"resume (pid {child.pid})"]
    assert processes.alive(child.pid) and processes.state(child.pid) not in processes.STOPPED_STATES
    assert not path.exists() and replay(path) == []


def test_what_cannot_be_undone_is_told_and_kept_and_the_rest_is_done(
    log: UndoLog, child: subprocess.Popen[bytes]
) -> None:
    log.add(undo.kill(child.pid))
    log.add({"act": "rm -rf"})
    log.add({"act": "kill"})
    log.add({"act": "no_cgroups", "run": "../../etc"})
    log.add({"act": "no_qdisc", "device": "-batch", "major": 1, "netns": ""})
    with pytest.raises(ClusterError) as failure:
        log.undo()
    for told in ("'rm -rf', which nobody here can do", "malformed", "'../../etc', which is no name", "'-batch'"):
        assert told in str(failure.value)
    assert not processes.alive(child.pid)
    assert len(log.steps) == 4


def test_on_a_full_disk_nothing_is_touched(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom harness.clusters.linux.undo import UndoLog\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nlog = UndoLog(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))\n"
        "while True: log.add({'act': 'thaw', 'path': '/nowhere'})"
    )
    argv = [sys.executable, "-c", program, str(tmp_path / "undo.jsonl")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "so nothing is touched" in done.stderr
    assert len(recorded(tmp_path / "undo.jsonl")) == 1


def test_a_log_of_another_boot_touches_no_process(log: UndoLog, child: subprocess.Popen[bytes]) -> None:
    assert undo.kill(child.pid)["boot"] == boot_id()
    log.add({**undo.kill(child.pid), "boot": "00000000-0000-0000-0000-000000000000"})
    assert log.undo() == [] and processes.alive(child.pid)
