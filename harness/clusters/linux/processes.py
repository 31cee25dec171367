"""Processes as /proc tells of them: who is in a container, in which state, and whether a signal did what it should.

A node's processes are found by their pid namespace, not by process group, parent or name: a daemon leaves its group and
its parent, and a name may be anybody's. Reading the namespace of every process costs 2 to 8 us each, so one scan of a
busy machine takes about a millisecond.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

DEAD_STATES = frozenset("ZX")
"""A zombie runs nothing and holds nothing: only its exit status waits to be fetched."""

STOPPED_STATES = frozenset("Tt")

POLL_S = 0.0005


@dataclass(frozen=True, slots=True)
class Process:
    """One line of /proc/PID/stat: `state` as in proc(5), `start_ticks` in clock ticks since the boot."""

    pid: int
    command: str
    state: str
    parent: int
    start_ticks: int


def parse_stat(text: str) -> Process:
    """Reads the text of a stat file. The command is in parentheses and may itself hold parentheses, blanks and line
    breaks.
    """
    head, _, tail = text.rpartition(")")
    pid, _, command = head.partition("(")
    fields = tail.split()
    return Process(int(pid), command, fields[0], int(fields[1]), int(fields[19]))


def read(pid: int) -> Process:
    """Raises ProcessLookupError when there is no such process (any more)."""
    return parse_stat(_stat(Path(f"/proc/{pid}/stat")))


def threads(pid: int) -> list[Process]:
    """Every thread of a process, as a process. Raises ProcessLookupError when it is gone."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError as gone:
        raise ProcessLookupError(pid) from gone
    found = []
    for task in tasks:
        try:
            found.append(parse_stat(_stat(task / "stat")))
        except ProcessLookupError:
            continue
    if not found:
        raise ProcessLookupError(pid)
    return found


def command_line(pid: int) -> list[str]:
    """The arguments of a process; empty for a zombie. Raises ProcessLookupError when it is gone."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError) as gone:
        raise ProcessLookupError(pid) from gone
    return [part.decode("utf-8", "replace") for part in text.split(b"\0")[:-1]]


def state(pid: int) -> str:
    """The state letter of proc(5); `X`, dead, when there is no such process."""
    try:
        return read(pid).state
    except ProcessLookupError:
        return "X"


def alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    return state(pid) not in DEAD_STATES


def pid_namespace(pid: int) -> int:
    """The inode that names a process's pid namespace. Raises ProcessLookupError, or PermissionError without ptrace
    access.
    """
    try:
        target = Path(f"/proc/{pid}/ns/pid").readlink()
    except FileNotFoundError as gone:
        raise ProcessLookupError(pid) from gone
    return int(str(target).removeprefix("pid:[").removesuffix("]"))


def in_namespace(inode: int) -> list[int]:
    """The living processes of a pid namespace that can be seen from here, as this namespace numbers them, ascending."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        try:
            if pid_namespace(pid) == inode and alive(pid):
                found.append(pid)
        except (ProcessLookupError, PermissionError):
            continue
    return sorted(found)


def number_of(inner: int, inode: int) -> int:
    """How this pid namespace numbers a process that another one, which lies within, numbers `inner`. Raises
    ProcessLookupError."""
    for pid in in_namespace(inode):
        try:
            text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(line.startswith("NSpid:") and int(line.split()[-1]) == inner for line in text.splitlines()):
            return pid
    raise ProcessLookupError(inner)


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signals each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def wait_gone(pids: Iterable[int], timeout_s: float) -> list[int]:
    """Waits until each process is gone or a zombie; returns those that are not when the time is up."""
    return _wait(pids, alive, timeout_s)


def wait_stopped(pids: Iterable[int], timeout_s: float) -> list[int]:
    """Waits until every thread of each process is stopped; returns the processes that still run when the time is up."""
    return _wait(pids, _runs, timeout_s)


def _runs(pid: int) -> bool:
    try:
        return any(thread.state not in STOPPED_STATES | DEAD_STATES for thread in threads(pid))
    except ProcessLookupError:
        return False


def stopped(pid: int) -> bool:
    """Whether every thread of a living process is stopped."""
    return alive(pid) and not _runs(pid)


def _wait(pids: Iterable[int], pending: Callable[[int], bool], timeout_s: float) -> list[int]:
    deadline = time.monotonic() + timeout_s
    left = list(pids)
    while True:
        left = [pid for pid in left if pending(pid)]
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(POLL_S)


def _stat(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError) as gone:
        raise ProcessLookupError(str(path)) from gone
