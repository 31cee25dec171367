"""Control groups: how much memory and processor time the processes in a group may use, in both versions the kernel has.

A `Group` is one group as a caller thinks of it. Version 2 has one directory for it, version 1 one per controller; which
of them a machine has is read off its mounts. Groups that splitbrain makes lie below `splitbrain_<run>` at the root of
each hierarchy, so whoever removes a run finds them by that name, whatever else became of it. A process leaves what it
had charged with the group it came from (no kernel since 6.13 moves charges, and few did before), so a memory limit
holds for processes that were moved in when they started.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ClusterError

MEMORY, CPU = "memory", "cpu"

PREFIX = "splitbrain_"

PERIOD_US = 100_000
"""The span over which processor time is doled out. The kernel's default; a quota must be at least 1 ms of it."""

SLACK_BYTES = 256 << 10
"""Processors take memory in batches of some pages: use this near to a bound has come up against it."""

UNLIMITED_BYTES = 1 << 62
"""Version 1 has no word for no limit: it shows a number of pages near the largest there is."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One hierarchy: where it is mounted, which of its groups is the root of what is seen there, and its version."""

    path: Path
    root: str
    version: int


def mounts(mountinfo: str) -> dict[str, Mount]:
    """The hierarchy of each controller, out of the text of /proc/PID/mountinfo (proc(5)). Version 1 wins where a
    controller is mounted there: it then does not exist in version 2."""
    found: dict[str, Mount] = {}
    for line in mountinfo.splitlines():
        left, separator, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if not separator or len(fields) < 5 or len(kind) < 3:
            continue
        path, root = Path(_unescaped(fields[4])), _unescaped(fields[3])
        if kind[0] == "cgroup":
            for controller in {MEMORY, CPU} & set(kind[2].split(",")):
                found[controller] = Mount(path, root, 1)
        elif kind[0] == "cgroup2":
            for controller in (MEMORY, CPU):
                found.setdefault(controller, Mount(path, root, 2))
    return found


def here() -> dict[str, Mount]:
    """The hierarchies of this machine, as this process sees them."""
    return mounts(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace"))


def problem(controller: str) -> str | None:
    """None when groups with this controller can be made here, else why not."""
    mount = here().get(controller)
    if mount is None:
        return f"the {controller} control group is not mounted"
    if mount.version == 2 and controller not in _words(mount.path / "cgroup.controllers"):
        return f"the kernel's control groups have no {controller} controller here"
    if not os.access(mount.path / "cgroup.procs", os.W_OK):
        return f"control groups cannot be changed: {mount.path} is not writable"
    probe = mount.path / f"{PREFIX}probe_{os.getpid()}"
    try:
        _prepare(mount, mount.path)
        probe.mkdir()
        probe.rmdir()
    except OSError as refused:
        return f"control groups cannot be made below {mount.path}: {refused.strerror}"
    return None


def make(run: str, name: str) -> Group:
    """A group of that run's own, with both controllers where there are both. Made again, it is the same group. Raises
    `ClusterError`."""
    directories = {}
    for controller, mount in here().items():
        if mount.version == 2 and controller not in _words(mount.path / "cgroup.controllers"):
            continue
        parent = mount.path / f"{PREFIX}{run}"
        try:
            _prepare(mount, mount.path)
            parent.mkdir(exist_ok=True)
            _prepare(mount, parent)
            (parent / name).mkdir(exist_ok=True)
        except OSError as refused:
            raise ClusterError(f"cannot make the control group {parent / name}: {refused.strerror}") from refused
        directories[controller] = parent / name
    return Group(directories)


def of(pid: int) -> Group:
    """The group in which a process is. Raises ProcessLookupError when it is gone, `ClusterError` when its group cannot
    be seen from here."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError as gone:
        raise ProcessLookupError(pid) from gone
    paths: dict[str, str] = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    directories = {}
    for controller, mount in here().items():
        path = paths.get(controller if mount.version == 1 else "", "/..")
        if path.startswith("/.."):
            continue
        inner = os.path.relpath(path, mount.root) if path != "/" else "."
        if not inner.startswith("..") and (mount.path / inner).is_dir():
            directories[controller] = mount.path / inner
    if not directories:
        raise ClusterError(f"the control group of process {pid} cannot be seen from here")
    return Group(directories)


def remove(run: str) -> list[str]:
    """Removes the groups of a run, its processes moved out to the root; says what it removed. Idempotent."""
    removed = []
    for mount in {mount.path: mount for mount in here().values()}.values():
        parent = mount.path / f"{PREFIX}{run}"
        if not parent.is_dir():
            continue
        for group in [*(child for child in sorted(parent.iterdir()) if child.is_dir()), parent]:
            _empty(group, mount.path)
            with suppress(FileNotFoundError):
                group.rmdir()
        removed.append(f"control group {parent}")
    return removed


@dataclass(frozen=True, slots=True)
class Group:
    """One group: the directory of each controller that can be had. What a missing controller would be asked raises
    `ClusterError`. Methods block for microseconds."""

    directories: Mapping[str, Path]

    def add(self, pids: Iterable[int]) -> None:
        """Moves processes in; those they fork from now on follow. Who is gone or in already is fine."""
        for directory in dict.fromkeys(self.directories.values()):
            there = set(_words(directory / "cgroup.procs"))
            for pid in pids:
                if str(pid) not in there:
                    with suppress(ProcessLookupError):
                        _write(directory / "cgroup.procs", str(pid))

    def limit_memory(self, limit: int | None) -> None:
        """Bounds memory, swap included; None lifts the bound. Where version 1 refuses to go below what is in use, the
        bound is what is in use, so the next page that is asked for is one too many."""
        directory, version = self._of(MEMORY)
        if version == 2:
            with suppress(FileNotFoundError):
                _write(directory / "memory.swap.max", "max" if limit is None else "0")
            _write(directory / "memory.max", "max" if limit is None else str(limit))
            return
        memory, both = directory / "memory.limit_in_bytes", directory / "memory.memsw.limit_in_bytes"
        files = [file for file in (both, memory) if file.exists()]
        if limit is None:  # memory must never exceed memory and swap: up with the larger first, down with the smaller
            for file in files:
                _write(file, "-1")
            return
        for file in files:
            with suppress(OSError):
                _write(file, "-1")
        for file in reversed(files):
            limit = _lower(file, limit, directory / "memory.usage_in_bytes")
        _write(directory / "memory.max_usage_in_bytes", "0")

    def memory_limit(self) -> int | None:
        """The bound in force, in bytes."""
        directory, version = self._of(MEMORY)
        text = _read(directory / ("memory.max" if version == 2 else "memory.limit_in_bytes"))
        return None if text == "max" or int(text) >= UNLIMITED_BYTES else int(text)

    def memory_used(self) -> int:
        """What the group uses, in bytes, cached files included."""
        directory, version = self._of(MEMORY)
        return int(_read(directory / ("memory.current" if version == 2 else "memory.usage_in_bytes")))

    def oom_kills(self) -> int:
        """How many processes of this group the kernel has killed for want of memory."""
        directory, version = self._of(MEMORY)
        counts = _table(directory / ("memory.events" if version == 2 else "memory.oom_control"))
        return counts.get("oom_kill", 0)

    def memory_hits(self) -> int:
        """How often something wanted memory beyond the bound, whether or not some could then be freed for it. Version 1
        does not count that on every kernel: there, 1 once use has come up to the bound since that was set."""
        directory, version = self._of(MEMORY)
        if version == 2:
            return _table(directory / "memory.events").get("max", 0)
        bound = self.memory_limit()
        return int(bound is not None and int(_read(directory / "memory.max_usage_in_bytes")) >= bound - SLACK_BYTES)

    def limit_cpus(self, cpus: float | None) -> None:
        """Bounds processor time to so many processors' worth; None lifts the bound."""
        directory, version = self._of(CPU)
        quota = None if cpus is None else max(1_000, round(cpus * PERIOD_US))
        if version == 2:
            _write(directory / "cpu.max", f"{'max' if quota is None else quota} {PERIOD_US}")
            return
        _write(directory / "cpu.cfs_period_us", str(PERIOD_US))
        _write(directory / "cpu.cfs_quota_us", str(-1 if quota is None else quota))

    def cpus(self) -> float | None:
        """The bound in force, in processors."""
        directory, version = self._of(CPU)
        if version == 2:
            quota, period = _words(directory / "cpu.max")
        else:
            quota, period = _read(directory / "cpu.cfs_quota_us"), _read(directory / "cpu.cfs_period_us")
        return None if quota in ("max", "-1") else int(quota) / int(period)

    def throttled_ms(self) -> float:
        """For how long its processes were kept from running, summed over processors."""
        directory, version = self._of(CPU)
        counts = _table(directory / "cpu.stat")
        return counts.get("throttled_usec", 0) / 1e3 if version == 2 else counts.get("throttled_time", 0) / 1e6

    def _of(self, controller: str) -> tuple[Path, int]:
        directory = self.directories.get(controller)
        if directory is None:
            raise ClusterError(f"the {controller} control group cannot be had here")
        return directory, 2 if (directory / "cgroup.controllers").exists() else 1


def _prepare(mount: Mount, parent: Path) -> None:
    """Version 2 hands a controller down only where the parent says so."""
    if mount.version == 1:
        return
    wanted = {MEMORY, CPU} & set(_words(parent / "cgroup.controllers"))
    for controller in sorted(wanted - set(_words(parent / "cgroup.subtree_control"))):
        _write(parent / "cgroup.subtree_control", f"+{controller}")


def _lower(file: Path, limit: int, usage: Path) -> int:
    """The limit that was possible in the end: what is in use may grow while it is being read."""
    for margin in (0, *(64 << 10 << step for step in range(8))):
        wanted = limit if margin == 0 else max(limit, int(_read(usage)) + margin)
        try:
            _write(file, str(wanted))
        except OSError as refused:
            if refused.errno != errno.EBUSY:
                raise
        else:
            return wanted
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def _empty(group: Path, root: Path) -> None:
    for pid in _words(group / "cgroup.procs"):
        with suppress(OSError):
            _write(root / "cgroup.procs", pid)


def _table(file: Path) -> dict[str, int]:
    rows = (line.split() for line in _read(file).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2}


def _words(file: Path) -> list[str]:
    try:
        return _read(file).split()
    except FileNotFoundError:
        return []


def _read(file: Path) -> str:
    return file.read_text(encoding="ascii").strip()


def _write(file: Path, text: str) -> None:
    # Opened for writing alone: such files are neither created nor cut short.
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode("ascii"))
    finally:
        os.close(descriptor)


def _unescaped(text: str) -> str:
    return text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
