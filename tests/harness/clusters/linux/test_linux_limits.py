"""Limits on real processes, as they feel them; and both versions of control groups as their files tell of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from local_node import LocalNode

from harness.clusters.linux import cgroups
from harness.clusters.linux.clocks import PatchedClocks
from harness.clusters.linux.limits import CgroupLimits
from harness.clusters.linux.services import Services
from harness.errors import ClusterError, UsageError
from harness.faults import Status

MB = 1 << 20

needs_groups = pytest.mark.skipif(
    cgroups.problem("memory") is not None or cgroups.problem("cpu") is not None,
    reason=str(cgroups.problem("memory") or cgroups.problem("cpu")),
)

BURN = "while True: pass"
EAT = """
import sys, time
held = []
for _ in range(int(sys.argv[1])):
    held.append(b"x" * (1 << 20))
    time.sleep(0.01)
time.sleep(60)
"""


class Worker(LocalNode):
    """A node whose service is any Python program, without a port."""

    program: tuple[str, ...] = ("import time; time.sleep(60)",)

    def launch(self) -> list[int]:
        self.close()
        self.child = subprocess.Popen([sys.executable, "-c", *self.program], stderr=subprocess.DEVNULL)
        return [self.child.pid]

    def answers(self) -> bool:
        return True

    def cpu_s(self) -> float:
        """Processor time it has had, from proc(5)."""
        assert self.child is not None
        user, system = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / 100


@pytest.fixture
def run() -> Iterator[str]:
    name = f"test{time.monotonic_ns() % 10**9}"
    yield name
    cgroups.remove(name)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to pass within 20 s")


Main = Callable[[Services, CgroupLimits], Awaitable[None]]


def on_nodes(run: str, main: Main, *nodes: LocalNode) -> None:
    by_name = {node.name: node for node in nodes}
    locks = {name: asyncio.Lock() for name in by_name}
    clocks = PatchedClocks(by_name, locks)
    limits = CgroupLimits(by_name, locks, lambda node: cgroups.make(run, node.name))
    services = Services(by_name, locks, clocks, lambda: False, limits)

    async def scene() -> None:
        limits.prepare()
        await services.start(list(by_name))
        await main(services, limits)

    try:
        asyncio.run(scene())
    finally:
        for node in nodes:
            node.close()


@needs_groups
def test_a_service_short_of_processor_time_gets_no_more_than_that_even_when_started_anew(run: str) -> None:
    node = Worker("n1")
    node.program = (BURN,)

    async def used(seconds: float) -> float:
        began, before = time.monotonic(), node.cpu_s()
        await asyncio.sleep(seconds)
        return (node.cpu_s() - before) / (time.monotonic() - began)

    async def main(services: Services, limits: CgroupLimits) -> None:
        free = await used(1)
        evidence = (await limits.limit("limits-1", ["n1"], cpus=0.05))["n1"]
        assert (evidence.status, evidence.measured["cpus"]) == (Status.APPLIED, 0.05)
        assert await used(1.5) < 0.1 < free
        await services.kill(["n1"])
        await services.start(["n1"])
        assert await used(1.5) < 0.1, "a new process is limited, too"
        lifted = (await limits.lift("limits-1"))["n1"]
        assert lifted.measured["throttled_ms"] > 500 and lifted.measured["cpus"] is None
        assert await used(1) > 0.1
        assert await limits.lift("limits-1") == {}, "lifting again does no harm"

    on_nodes(run, main, node)


@needs_groups
def test_who_needs_more_memory_than_it_may_have_is_killed_by_the_kernel_and_counted(run: str) -> None:
    node, other = Worker("n1"), Worker("n2")
    node.program = other.program = (EAT, "200")

    async def main(services: Services, limits: CgroupLimits) -> None:
        evidence = (await limits.limit("limits-1", ["n1"], memory_bytes=120 * MB))["n1"]
        assert evidence.status is Status.APPLIED and evidence.measured["memory_bytes"] == 120 * MB
        await until(lambda: not node.pids())
        assert other.pids()
        lifted = (await limits.lift("limits-1"))["n1"]
        assert lifted.measured.pop("limit_hits") > 0
        assert lifted.measured == {"memory_bytes": None, "oom_kills": 1}

    on_nodes(run, main, node, other)


@needs_groups
def test_a_limit_below_what_is_used_lets_nothing_more_be_had(run: str) -> None:
    node = Worker("n1")
    node.program = (EAT, "90")

    async def main(services: Services, limits: CgroupLimits) -> None:
        group = cgroups.make(run, "n1")
        await until(lambda: group.memory_used() >= 60 * MB)
        evidence = (await limits.limit("limits-1", ["n1"], memory_bytes=20 * MB))["n1"]
        bound = evidence.measured["memory_bytes"]
        if bound == 20 * MB:  # version 2 kills at once
            await until(lambda: not node.pids())
        else:
            assert 20 * MB < bound < 100 * MB and "uses more than" in evidence.why

    on_nodes(run, main, node)


@needs_groups
def test_the_tightest_of_several_limits_is_in_force(run: str) -> None:
    async def main(services: Services, limits: CgroupLimits) -> None:
        async def cpus(change: Awaitable[object]) -> float | None:
            await change
            return cgroups.make(run, "n1").cpus()

        assert await cpus(limits.limit("limits-1", ["n1"], cpus=0.5)) == 0.5
        assert await cpus(limits.limit("limits-2", ["n1"], cpus=0.2)) == 0.2
        assert await cpus(limits.limit("limits-3", ["n1"], cpus=0.8, memory_bytes=500 * MB)) == 0.2
        again = await limits.limit("limits-3", ["n1"], cpus=0.1)
        assert again["n1"].status is Status.SKIPPED
        assert await cpus(limits.lift("limits-2")) == 0.5
        assert cgroups.make(run, "n1").memory_limit() == 500 * MB
        assert await cpus(limits.lift("limits-1")) == 0.8
        assert await cpus(limits.lift("limits-3")) is None
        assert cgroups.make(run, "n1").memory_limit() is None
        with pytest.raises(UsageError, match="no node 'n9'"):
            await limits.limit("limits-4", ["n9"], cpus=1)

    on_nodes(run, main, Worker("n1"))


@needs_groups
def test_a_run_s_groups_are_found_by_its_name_and_removed_with_processes_still_in_them(run: str) -> None:
    with Worker("n1") as node:
        [pid] = node.launch()
        group = cgroups.make(run, "n1")
        group.add([pid])
        assert cgroups.of(pid) == group
        removed = cgroups.remove(run)
        assert removed and all(run in line for line in removed)
        assert not any(directory.exists() for directory in group.directories.values())
        assert node.pids() == [pid]
        assert cgroups.remove(run) == []


def test_hierarchies_are_read_off_the_mounts() -> None:
    old = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    old += "36 31 0:33 /docker/a /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    new = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    assert cgroups.mounts(old) == {
        "memory": cgroups.Mount(Path("/sys/fs/cgroup/memory"), "/", 1),
        "cpu": cgroups.Mount(Path("/sys/fs/cgroup/cpu,cpuacct"), "/docker/a", 1),
    }
    assert cgroups.mounts(new) == dict.fromkeys(("memory", "cpu"), cgroups.Mount(Path("/sys/fs/cgroup"), "/", 2))
    assert cgroups.mounts(new + old) == cgroups.mounts(old), "what version 1 has, version 2 has not"
    assert cgroups.mounts("nonsense\n - \n") == {}


def test_the_files_of_version_2_are_read_and_written_in_their_own_words(tmp_path: Path) -> None:
    for name, text in {
        "cgroup.controllers": "cpu memory",
        "memory.max": "max",
        "memory.swap.max": "max",
        "memory.current": "1234",
        "memory.events": "low 0\nmax 4\noom 2\noom_kill 3",
        "cpu.max": "max 100000",
        "cpu.stat": "usage_usec 9\nthrottled_usec 2500",
    }.items():
        (tmp_path / name).write_text(text)
    group = cgroups.Group({"memory": tmp_path, "cpu": tmp_path})
    assert (group.memory_limit(), group.cpus()) == (None, None)
    assert (group.memory_used(), group.oom_kills(), group.throttled_ms()) == (1234, 3, 2.5)
    assert group.memory_hits() == 4
    group.limit_cpus(0.25)
    assert group.cpus() == 0.25
    group.limit_memory(1000)
    assert (group.memory_limit(), (tmp_path / "memory.swap.max").read_text()[0]) == (1000, "0")
    with pytest.raises(ClusterError, match="cannot be had"):
        cgroups.Group({}).limit_cpus(1)
