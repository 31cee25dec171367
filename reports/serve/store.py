"""A runs folder as a stranger's: what is opened is a regular file below it, or nothing.

Paths are walked one name at a time from an open folder, and no symbolic link is followed on the way, so neither a
name nor a link swapped in meanwhile leads out. Files are opened without waiting: a FIFO in place of a file would hold
a reader for ever. The folder itself may be a link: the user named it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.errors import UsageError
from harness.runs import RunFolder

ENTRIES_MAX = 100_000
"""Files below one run's folder: more are no run."""


class Missing(UsageError):
    """Nothing of that name that could be shown; the message says what was asked for and why not."""


class RunName(NamedTuple):
    """Which run: the names of its two folders. A tuple, since an index makes ten thousand of them at every look."""

    target: str
    run: str

    def __str__(self) -> str:
        return f"{self.target}/{self.run}"

    @classmethod
    def of(cls, text: str) -> RunName:
        """From `target/run`. Raises `Missing`."""
        target, _, run = text.partition("/")
        return cls(named(target), named(run))


def named(name: str) -> str:
    """A name that is one, not a way to somewhere else. Raises `Missing`."""
    if name in ("", ".", "..") or name.startswith(".") or "/" in name or "\0" in name or len(name) > 255:
        raise Missing("there is no run, gate or page of that name")
    return name


@dataclass(frozen=True, slots=True)
class Store:
    """A runs folder."""

    root: Path

    @contextmanager
    def folder(self, *names: str) -> Iterator[int]:
        """The descriptor of a folder below, for as long as it is needed. Raises `Missing`."""
        at = -1
        try:
            at = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            for name in names:
                inner = os.open(named(name), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
                os.close(at)
                at = inner
            yield at
        except (OSError, UnicodeError) as problem:
            raise Missing(f"{'/'.join(names) or self.root} cannot be opened: {_why(problem)}") from problem
        finally:
            if at >= 0:
                os.close(at)

    @contextmanager
    def file(self, *names: str) -> Iterator[int]:
        """The descriptor of a regular file below. Raises `Missing`."""
        with self.folder(*names[:-1]) as folder, regular(folder, names[-1], "/".join(names)) as descriptor:
            yield descriptor

    def read(self, *names: str, bytes_max: int) -> bytes:
        """A whole file. Raises `Missing`, also of one that is larger than `bytes_max`."""
        with self.file(*names) as descriptor:
            return whole(descriptor, "/".join(names), bytes_max)

    def has(self, *names: str) -> bool:
        """Whether there is such a regular file."""
        with suppress(Missing), self.file(*names):
            return True
        return False

    def sound(self, name: RunName) -> RunFolder:
        """The folder of a run for code that opens files by path: all below it are regular files and folders.

        Raises `Missing` of a link or anything else in it, so that such code is led nowhere and waits for nothing.
        """
        with self.folder(name.target, name.run):
            pass
        path, count = self.root / name.target / name.run, 0
        for inner, folders, files in os.walk(path):
            count += len(files) + len(folders)
            if count > ENTRIES_MAX:
                raise Missing(f"{name} holds more than {ENTRIES_MAX:,} files, so it is no run as splitbrain writes it")
            for entry in (*folders, *files):
                mode = os.lstat(os.path.join(inner, entry)).st_mode  # noqa: PTH118 - a Path each costs more than the call
                if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                    raise Missing(f"{name} holds {entry!r}, which is neither a file nor a folder: it is left alone")
        return RunFolder(path)


@contextmanager
def regular(folder: int, name: str, told: str) -> Iterator[int]:
    """The descriptor of a regular file in an open folder. Raises `Missing`; `told` is what to call it then."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except (OSError, UnicodeError, ValueError) as problem:
        raise Missing(f"{told} cannot be opened: {_why(problem)}") from problem
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Missing(f"{told} is no regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def entries(folder: int) -> list[str]:
    """What an open folder holds, sorted; without names that are no text."""
    with os.scandir(folder) as found:
        return sorted(entry.name for entry in found if entry.name.isprintable())


def whole(descriptor: int, told: str, bytes_max: int) -> bytes:
    """What is in an open file. Raises `Missing` if it is more than `bytes_max`."""
    size = os.fstat(descriptor).st_size
    pieces: list[bytes] = []
    left = bytes_max + 1
    while left and (piece := os.read(descriptor, min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    if not left:
        raise Missing(f"{told} has {size:,} bytes, and no more than {bytes_max:,} are read")
    return b"".join(pieces)


def _why(problem: Exception) -> str:
    return (problem.strerror or "?") if isinstance(problem, OSError) else "that is no name of a file"
