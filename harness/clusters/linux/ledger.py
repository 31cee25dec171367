"""What a run is about to make, on disk before it is made.

A controller can be killed at any instruction, so the order is: write down the name, make the thing, remove the thing,
strike the name. One directory per run below `/run/splitbrain` holds `record.json` and whatever files the run needs; a
later start reads the record of each dead controller and removes what it names. Things that carry labels of their own
(containers) are found by these as well.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.clusters.linux.identity import Identity
from harness.errors import ClusterError

ROOT = Path("/run/splitbrain")
"""Readable by root alone. Cleared by a reboot on most systems; where it is not, the boot id in each identity tells."""

SCRATCH = Path("/var/lib/splitbrain")
"""For what is too large for /run, which is memory on most systems."""


@dataclass(frozen=True, slots=True)
class Record:
    """One run's entry. `tables` are nftables tables as (family, name), `subnet` is the network it took, in
    CIDR form.
    """

    run: str
    cluster: str
    controller: str
    subnet: str = ""
    tables: tuple[tuple[str, str], ...] = ()

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
        record.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
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


def strike(record: Record) -> None:
    """Forgets a run whose things are gone. Unknown runs are fine."""
    for directory in (record.scratch, record.directory):
        shutil.rmtree(directory, ignore_errors=True)
        if directory.exists():
            raise ClusterError(f"cannot remove {directory}")
    with suppress(OSError):
        SCRATCH.rmdir()  # if this was the last one


def records() -> list[Record]:
    """Every readable record, of living and dead runs."""
    found = []
    for entry in sorted(ROOT.glob("*/record.json")):
        try:
            raw = json.loads(entry.read_text(encoding="utf-8"))
            record = Record(**{**raw, "tables": tuple((family, name) for family, name in raw["tables"])})
            record.identity  # noqa: B018 - raises for a malformed identity
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
        ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (ROOT / f"{name}.lock").open("w", encoding="ascii")
    except OSError as problem:
        raise ClusterError(f"cannot use {ROOT}: {problem.strerror}") from problem
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
