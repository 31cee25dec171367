"""How much memory a check may take: what the machine and its control groups have left, whatever the budget says."""

from __future__ import annotations

from pathlib import Path

from harness import _core

MACHINE = {"proc/meminfo": "MemTotal:  9000 kB\nMemFree: 10 kB\nMemAvailable:    4000 kB\n"}


def free(root: Path, files: dict[str, str]) -> int | None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return _core.free_memory(str(root))


def test_the_machine_tells_what_is_available(tmp_path: Path) -> None:
    assert free(tmp_path, MACHINE) == 4000 * 1024


def test_nobody_tells(tmp_path: Path) -> None:
    assert free(tmp_path, {"proc/meminfo": "garbage\nMemAvailable: lots\n", "proc/self/cgroup": "::\n\nx\n"}) is None


def test_a_group_of_version_2_has_its_limit_less_what_it_uses_and_cannot_give_back(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/a/b"
    files = MACHINE | {
        "proc/self/cgroup": "0::/a/b\n",
        f"{group}/memory.max": "1000000\n",
        f"{group}/memory.current": "700000\n",
        f"{group}/memory.stat": "anon 5\ninactive_file 200000\n",
    }
    assert free(tmp_path, files) == 1_000_000 - 500_000


def test_a_parent_group_limits_too(tmp_path: Path) -> None:
    files = MACHINE | {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/b/memory.max": "max\n",
        "sys/fs/cgroup/a/b/memory.current": "10\n",
        "sys/fs/cgroup/a/memory.max": "3000\n",
        "sys/fs/cgroup/a/memory.current": "5000\n",
    }
    assert free(tmp_path, files) == 0


def test_a_group_of_version_1_is_found_at_its_mount_in_a_container(tmp_path: Path) -> None:
    mount = "sys/fs/cgroup/memory"
    files = MACHINE | {
        "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/0123\n0::/\n",
        f"{mount}/memory.limit_in_bytes": "2000000\n",
        f"{mount}/memory.usage_in_bytes": "500000\n",
        f"{mount}/memory.stat": "inactive_file 1\ntotal_inactive_file 100000\n",
    }
    assert free(tmp_path, files) == 1_600_000


def test_this_machine_tells() -> None:
    told = _core.free_memory("/")
    assert told is not None and told > 1 << 20
