"""How to put a machine back, on its disk before it is touched.

For machines that outlive the run: a node reached over SSH cannot be thrown away like a container, and whoever broke it
may be gone before it is mended. So before each act its undoing is written down and synced; when the act has been taken
back its line is struck. What is left in the log is undone by whoever finds it first: the agent at its end, the next
agent, `splitbrain clean`.

A step is a JSON object `{"act": name, ...}` out of a table of small functions, never a command line: a log that
somebody could write to must not be able to run anything. Each function can be called again and again, finds its object
by a name or number that is ours alone, and leaves alone what has become somebody else's: process ids come with their
start times and the machine's boot, tables and groups bear our prefix, mounts lie below a directory of ours.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.clusters.linux import cgroups, commands, nft, processes, tc, vdso
from harness.clusters.linux.identity import boot_id
from harness.clusters.linux.vdso_image import CannotPatch
from harness.errors import ClusterError

Step = Mapping[str, Any]

TIMEOUT_S = 10.0

_THAW = 0xC0045878
"""FITHAW of linux/fs.h: what `fsfreeze -u` does."""

_DETACH = 2
"""MNT_DETACH of umount2(2): out of sight at once, gone when nobody uses it any more."""


# Steps: what is written down


def resume(pid: int) -> Step:
    """Lets a process go on that is about to be stopped. Raises ProcessLookupError when it is gone."""
    return _of_process("resume", pid)


def kill(pid: int) -> Step:
    """Ends a helper process of ours."""
    return _of_process("kill", pid)


def true_clock(pid: int) -> Step:
    """Takes the clock patch out of a process."""
    return _of_process("true_clock", pid)


def no_table(family: str, name: str) -> Step:
    """Removes an nftables table of ours."""
    return {"act": "no_table", "family": family, "name": name}


def no_qdisc(device: str, major: int, netns: str = "") -> Step:
    """Gives a device its default queue again, in the network namespace of that path (here, when empty). `major` is the
    number of our root qdisc: any other is somebody else's."""
    return {"act": "no_qdisc", "device": device, "major": major, "netns": netns}


def no_cgroups(run: str) -> Step:
    """Removes the control groups of a run."""
    return {"act": "no_cgroups", "run": run}


def unmount(path: Path) -> Step:
    """Unmounts all that is mounted on a path."""
    return {"act": "unmount", "path": str(path)}


def thaw(path: Path) -> Step:
    """Lets the file system on which a path lies be written again."""
    return {"act": "thaw", "path": str(path)}


def _of_process(act: str, pid: int) -> Step:
    return {"act": act, "boot": boot_id(), "pid": pid, "start_ticks": processes.read(pid).start_ticks}


# Acts: what is done with them. Each returns whether there was anything to do.


def _resume(step: Step) -> bool:
    pid = step["pid"]
    if not _same(step) or processes.state(pid) not in processes.STOPPED_STATES:
        return False
    processes.send([pid], signal.SIGCONT)
    return True


def _kill(step: Step) -> bool:
    if not _same(step):
        return False
    processes.send([step["pid"]], signal.SIGKILL)
    if processes.wait_gone([step["pid"]], TIMEOUT_S):
        raise ClusterError(f"process {step['pid']} does not end")
    return True


def _true_clock(step: Step) -> bool:
    if not _same(step):
        return False
    try:
        return vdso.restore(step["pid"])
    except ProcessLookupError:
        return False
    except CannotPatch as problem:
        raise ClusterError(str(problem)) from problem


def _no_table(step: Step) -> bool:
    family, name = step["family"], step["name"]
    if not name.startswith(nft.PREFIX):
        raise ClusterError(f"the nftables table {name!r} is not ours")
    if not nft.installed() or (family, name) not in nft.tables(nft.listing("tables")):
        return False
    nft.run(nft.delete(family, name))
    return True


def _no_qdisc(step: Step) -> bool:
    device = _plain(step["device"])
    prefix = []
    if step["netns"]:
        if not Path(step["netns"]).exists():
            return False
        prefix = ["nsenter", f"--net={step['netns']}"]
    listing = commands.run([*prefix, "tc", "-j", "qdisc", "show", "dev", device], b"", TIMEOUT_S)
    if listing.code:
        if b"Cannot find device" in listing.err:
            return False
        raise ClusterError(f"tc: {listing.complaint}")
    if tc.root(listing.out.decode("utf-8", "replace"))[1] != f"{int(step['major']):x}:":
        return False
    done = commands.run([*prefix, "tc", "qdisc", "del", "dev", device, "root"], b"", TIMEOUT_S)
    if done.code:
        raise ClusterError(f"tc: {done.complaint}")
    return True


def _no_cgroups(step: Step) -> bool:
    return bool(cgroups.remove(_plain(step["run"])))


def _unmount(step: Step) -> bool:
    path, found = os.fsencode(step["path"]), False
    libc = ctypes.CDLL(None, use_errno=True)
    while os.path.ismount(path):
        if libc.umount2(path, 0) and libc.umount2(path, _DETACH):
            number = ctypes.get_errno()
            if number in (errno.EINVAL, errno.ENOENT):
                break
            raise ClusterError(f"cannot unmount {step['path']}: {os.strerror(number)}")
        found = True
    return found


def _thaw(step: Step) -> bool:
    try:
        descriptor = os.open(step["path"], os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.ioctl(descriptor, _THAW, 0)
    except OSError as refused:
        if refused.errno in (errno.EINVAL, errno.ENOTTY, errno.EOPNOTSUPP):  # not frozen, or cannot be
            return False
        raise ClusterError(f"cannot thaw {step['path']}: {refused.strerror}") from refused
    finally:
        os.close(descriptor)
    return True


ACTS: Mapping[str, Callable[[Step], bool]] = {
    "resume": _resume,
    "kill": _kill,
    "true_clock": _true_clock,
    "no_table": _no_table,
    "no_qdisc": _no_qdisc,
    "no_cgroups": _no_cgroups,
    "unmount": _unmount,
    "thaw": _thaw,
}


def _same(step: Step) -> bool:
    """Whether the process of that number is still the one that was meant."""
    if step["boot"] != boot_id():
        return False
    try:
        found = processes.read(step["pid"])
    except ProcessLookupError:
        return False
    return found.start_ticks == step["start_ticks"] and found.state not in processes.DEAD_STATES


def _plain(name: str) -> str:
    if not re.fullmatch(r"[\w.@-]+", name) or name.startswith(("-", ".")):
        raise ClusterError(f"the undo log names {name!r}, which is no name")
    return name


class UndoLog:
    """One run's log on one machine: a file of JSON lines, `{"add": number, "step": ...}` and `{"strike": number}`.

    Only `add` waits for the disk: a strike that is lost is a step that is done once more, which does no harm. One
    process writes; the lines that one before it left are kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._steps, torn = _load(path)
        self._next = max(self._steps, default=0) + 1
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
            if torn:
                self._file.write(b"\n")  # what a dying process left of its last line ends here
            _sync_directory(path.parent)
        except OSError as problem:
            raise ClusterError(f"cannot open the undo log {path}: {problem.strerror}") from problem

    @property
    def steps(self) -> tuple[Step, ...]:
        """What would have to be undone now, oldest first."""
        return tuple(self._steps.values())

    def add(self, step: Step) -> int:
        """Writes a step down; it is on disk when this returns. Raises `ClusterError`: the act must then not be done."""
        number, self._next = self._next, self._next + 1
        try:
            self._write({"add": number, "step": dict(step)})
            os.fsync(self._file.fileno())
        except OSError as problem:
            raise ClusterError(
                f"cannot write the undo log {self.path}, so nothing is touched: {problem.strerror}"
            ) from problem
        self._steps[number] = step
        return number

    def strike(self, number: int) -> None:
        """The act has been taken back. Unknown numbers are fine; a full disk is, too (see the class)."""
        if self._steps.pop(number, None) is not None:
            with suppress(OSError):
                self._write({"strike": number})

    @contextmanager
    def around(self, step: Step) -> Iterator[None]:
        """For an act that is taken back within the block: on disk before it, struck after it, whatever happened."""
        number = self.add(step)
        try:
            yield
        finally:
            _done(step)
            self.strike(number)

    def undo(self) -> list[str]:
        """Undoes everything, newest first; says what there was to do. Tries all before it raises `ClusterError` for
        what could not be undone, which stays in the log."""
        undone, problems = [], []
        for number, step in sorted(self._steps.items(), reverse=True):
            try:
                if _done(step):
                    undone.append(describe(step))
                self.strike(number)
            except (ClusterError, OSError, subprocess.SubprocessError) as problem:
                problems.append(f"{describe(step)}: {problem}")
        if problems:
            raise ClusterError("; ".join(problems))
        return undone

    def close(self) -> None:
        """Lets go of the file, and removes it when nothing is left to undo."""
        self._file.close()
        if not self._steps:
            self.path.unlink(missing_ok=True)

    def _write(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n"
        if self._file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def replay(path: Path) -> list[str]:
    """Undoes what a log says and removes it: for whoever finds one that nobody holds any more. No log is fine. Raises
    as `UndoLog.undo`."""
    if not path.exists():
        return []
    log = UndoLog(path)
    try:
        return log.undo()
    finally:
        log.close()


def describe(step: Step) -> str:
    """A step in words, for reports of what was cleaned up."""
    rest = ", ".join(f"{name} {value}" for name, value in step.items() if name not in ("act", "boot", "start_ticks"))
    return f"{str(step.get('act')).replace('_', ' ')} ({rest})"


def _done(step: Step) -> bool:
    act = ACTS.get(str(step.get("act")))
    if act is None:
        raise ClusterError(f"the undo log asks for {step.get('act')!r}, which nobody here can do")
    try:
        return act(step)
    except (KeyError, TypeError, AttributeError) as problem:
        raise ClusterError(f"the undo log's step {dict(step)} is malformed") from problem


def _load(path: Path) -> tuple[dict[int, Step], bool]:
    """The steps that are not struck, and whether the last line is torn. A line that is none is passed over: it was
    being written when its writer died, before the act it speaks of."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}, False
    except OSError as problem:
        raise ClusterError(f"cannot read the undo log {path}: {problem.strerror}") from problem
    steps: dict[int, Step] = {}
    for line in data.split(b"\n"):
        with suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            if "add" in entry and isinstance(entry["step"], dict):
                steps[int(entry["add"])] = entry["step"]
            else:
                steps.pop(int(entry["strike"]), None)
    return steps, bool(data) and not data.endswith(b"\n")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
