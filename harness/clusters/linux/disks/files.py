"""The files below a node's data directory, which belong to a service that nobody trusts.

Its directory may hold symbolic links to anywhere, and a path through /proc/PID/root follows absolute ones on this
machine. So every step is taken from the descriptor of the directory before it, and no link is followed.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.clusters import damage
from harness.clusters.base import Corruption
from harness.clusters.damage import PROBE, Place
from harness.errors import ClusterError

FILES_MAX = 100_000
"""What is looked at of a directory whose service may make any number of files."""


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turns an OSError into one `ClusterError` sentence: what was being done, and why it did not work."""
    try:
        yield
    except OSError as refused:
        raise ClusterError(f"{doing} failed: {refused.strerror or refused}") from refused


@contextmanager
def opened(directory: Path, *, made: bool = False) -> Iterator[int]:
    """A descriptor of a directory, which is `made` if need be. Below /proc/PID/root no symbolic link is followed.
    Raises OSError."""
    parts = directory.parts
    elsewhere = parts[:2] == ("/", "proc") and parts[3:4] == ("root",)
    steps = 4 if elsewhere else 1 if made else len(parts)
    follow = os.O_NOFOLLOW if elsewhere else 0
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    here = os.open(Path(*parts[:steps]), flags)
    try:
        for part in parts[steps:]:
            if made:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=here)
            below = os.open(part, flags | follow, dir_fd=here)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def sizes(directory: Path) -> dict[str, int]:
    """Every regular file below a directory, by its path there, with its size. Raises OSError."""
    found: dict[str, int] = {}
    with opened(directory) as top:
        for folder, folders, names, here in os.fwalk(".", dir_fd=top):
            folders.sort()
            for name in sorted(names):
                with suppress(OSError):
                    status = os.stat(name, dir_fd=here, follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        found[os.path.normpath(os.path.join(folder, name))] = status.st_size  # noqa: PTH118 - relative
            if len(found) >= FILES_MAX:
                break
    return found


def corrupt(directory: Path, corruption: Corruption, kept: dict[Place, bytes]) -> list[Place]:
    """Damages files where they are; returns where. `kept` holds what the last snapshot kept, for `restore`. Raises
    OSError."""
    sizes_now = {file: size for file, size in sizes(directory).items() if not file.startswith(".splitbrain")}
    if corruption.kind == "restore":
        places = [
            Place(place.file, place.offset, min(len(data), sizes_now.get(place.file, 0) - place.offset))
            for place, data in kept.items()
        ]
        contents = dict(zip((place for place in places), kept.values(), strict=True))
        kept.clear()
        done = [place for place in places if place.length > 0]
        for place in done:
            with _file(directory, place.file) as file:
                os.pwrite(file, contents[place][: place.length], place.offset)
        return done
    places = damage.places(corruption, sizes_now)
    if corruption.kind == "snapshot":
        kept.clear()
    for place in places:
        with _file(directory, place.file) as file:
            if corruption.kind == "truncate":
                os.ftruncate(file, place.offset)
                continue
            before = os.pread(file, place.length, place.offset)
            if corruption.kind == "snapshot":
                kept[place] = damage.as_it_was(before, corruption.chunk_bytes)
            elif before:
                os.pwrite(file, damage.flipped(before, place), place.offset)
    return places


def probe(directory: Path) -> dict[str, Any]:
    """What it comes to to write a file here and sync it: `errno`, or `sync_ms`."""
    began = time.monotonic()
    try:
        with opened(directory) as here:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            file = os.open(PROBE, flags, 0o600, dir_fd=here)
            try:
                os.write(file, bytes(4096))
                os.fsync(file)
            finally:
                os.close(file)
                os.unlink(PROBE, dir_fd=here)
    except OSError as refused:
        return {"errno": errno.errorcode.get(refused.errno or 0, str(refused.errno))}
    return {"sync_ms": round((time.monotonic() - began) * 1000, 3)}


def free_bytes(directory: Path) -> int:
    """How much room is left."""
    with opened(directory) as here:
        status = os.fstatvfs(here)
        return status.f_bavail * status.f_frsize


@contextmanager
def _file(directory: Path, path: str) -> Iterator[int]:
    *folders, name = Path(path).parts
    with opened(directory) as top:
        here = os.dup(top)
        try:
            for folder in folders:
                below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                os.close(here)
                here = below
            file = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
        finally:
            os.close(here)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "no longer a regular file", path)
        yield file
    finally:
        os.close(file)
