"""What a run is about to make, on disk before it is made.

A controller can be killed at any instruction, so the order is: write down the name, make the thing, remove the thing,
strike the name. One directory per run below `ROOT` holds `record.json` and whatever files the run needs; a
later start reads the record of each dead controller and removes what it names. Things that carry labels of their own
(containers) are found by these as well.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.clusters.linux.identity import Identity
from harness.errors import ClusterError


def _places() -> tuple[Path, Path]:
    user = os.geteuid()
    if user == 0:
        return Path("/run/splitbrain"), Path("/var/lib/splitbrain")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    own = f"splitbrain-{user}"
    return (Path(runtime, "splitbrain") if runtime.startswith("/") else Path("/tmp", own)), Path("/var/tmp", own)


ROOT, SCRATCH = _places()
"""Where records are kept, and where a run may keep what is too large for memory, which is what /run is on most systems.
Each is for one user alone. ROOT is cleared by a reboot on most systems; where it is not, the boot id in each identity
tells."""


RESIST_S = 2.0


@dataclass(frozen=True, slots=True)
class Record:
    """One run's entry. `tables` are nftables tables as (family, name), `subnet` is the network it took, in
    CIDR form, `agent` the identity of a process that holds the nodes, or will remove them.
    """

    run: str
    cluster: str
    controller: str
    subnet: str = ""
    tables: tuple[tuple[str, str], ...] = ()
    agent: str = ""

    @property
    def identity(self) -> Identity:
        """Raises ValueError for a record that was not written by this module."""
        return Identity.parse(self.controller)

    @property
    def directory(self) -> Path:
        """Where this run may keep small files of its own."""
        return ROOT / self.run

    @property
    def scratch(self) -> Path:
        """Where this run may keep large files of its own, while it makes something of them."""
        return SCRATCH / self.run


def write(record: Record) -> None:
    """Puts the record on disk, replacing an older one whole. Raises `ClusterError` where that cannot be done."""
    try:
        _claim(ROOT)
        record.directory.mkdir(mode=0o700, exist_ok=True)
        draft = record.directory / "record.json.new"
        with draft.open("w", encoding="utf-8") as file:
            json.dump(asdict(record), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(record.directory / "record.json")
    except OSError as problem:
        raise ClusterError(f"cannot write the run's undo record below {ROOT}: {problem.strerror}") from problem


def amend(record: Record, **changes: Any) -> Record:
    """A record with some fields changed, already on disk."""
    amended = replace(record, **changes)
    write(amended)
    return amended


def make_scratch(record: Record) -> Path:
    """The run's directory for large files, made and empty. Raises `ClusterError` where that cannot be done."""
    try:
        with _alone():
            _claim(SCRATCH)
            record.scratch.mkdir(mode=0o755)
    except OSError as problem:
        raise ClusterError(f"cannot make {record.scratch}: {problem.strerror}") from problem
    return record.scratch


def strike(record: Record) -> None:
    """Forgets a run whose things are gone. Unknown runs are fine."""
    deadline = time.monotonic() + RESIST_S
    for directory in (record.scratch, record.directory):
        shutil.rmtree(directory, ignore_errors=True)
        while directory.exists():  # a process that is just being killed may have made a file meanwhile
            if time.monotonic() >= deadline:
                raise ClusterError(f"cannot remove {directory}")
            time.sleep(0.02)
            shutil.rmtree(directory, ignore_errors=True)
    with suppress(OSError), _alone():
        SCRATCH.rmdir()  # if this was the last one


def records() -> list[Record]:
    """Every readable record, of living and dead runs."""
    found = []
    if not _ours(ROOT):
        return []
    for entry in sorted(ROOT.glob("*/record.json")):
        try:
            raw = json.loads(entry.read_text(encoding="utf-8"))
            record = Record(**{**raw, "tables": tuple((family, name) for family, name in raw["tables"])})
            record.identity  # noqa: B018 - raises for a malformed identity
            if record.agent:
                Identity.parse(record.agent)
        except (OSError, ValueError, TypeError, KeyError):
            continue
        if record.run == entry.parent.name:
            found.append(record)
    return found


def drop_unused() -> None:
    """Removes entries without a record that are older than a minute: their runs died before they made anything."""
    for entry in ROOT.glob("*/"):
        with suppress(FileNotFoundError):
            if not (entry / "record.json").exists() and time.time() - entry.stat().st_mtime > 60:
                shutil.rmtree(entry, ignore_errors=True)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Holds one of the machine-wide locks of splitbrain (`subnets`, `images`). The kernel lets go of it when the
    process dies.
    """
    try:
        _claim(ROOT)
        file = (ROOT / f"{name}.lock").open("w", encoding="ascii")
    except OSError as problem:
        raise ClusterError(f"cannot use {ROOT}: {problem.strerror}") from problem
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _alone() -> Iterator[None]:
    """Holds the ledger's own directory, whose lock leaves no file behind: who makes a run's scratch directory must not
    lose the one above it to somebody whose run was the last. Raises OSError."""
    _claim(ROOT)
    descriptor = os.open(ROOT, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _claim(place: Path) -> None:
    """Makes one of our places where it is not there yet. In a directory that anybody may write to, such as /tmp,
    somebody else can have been first, and what they put there is not to be trusted."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _ours(place):
        raise ClusterError(f"{place} is not a directory of this user's alone: look at it, and remove it")


def _ours(place: Path) -> bool:
    try:
        found = place.lstat()
    except FileNotFoundError:
        return False
    writable_by_others = bool(found.st_mode & 0o022)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not writable_by_others
