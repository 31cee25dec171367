"""Logs as they are fetched from a node. Its log directory holds whatever the target made of it: links that lead
elsewhere, pipes that never end, names that speak to a terminal, files that fill the controller's disk.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO

FILE_BYTES_MAX = 64 << 20
"""Of a longer log the end is kept: it says what went wrong."""

FILES_MAX = 200
NAME_CHARS_MAX = 100


def is_harmless(name: str) -> bool:
    """Whether a file of the controller's may bear this name."""
    plain = name == PurePosixPath(name).name and name not in ("", ".", "..") and not name.startswith("-")
    return plain and len(name) <= NAME_CHARS_MAX and name.isprintable()


def names(source: Path) -> list[str]:
    """The regular files of a log directory that are worth fetching. Raises OSError when there is no such directory."""
    harmless = sorted(filter(is_harmless, (entry.name for entry in source.iterdir())))
    return [name for name in harmless[:FILES_MAX] if _is_regular(source / name)]


def opened(path: Path) -> BinaryIO:
    """A log, open. Looked at once more: what was a file a moment ago may be a link or a pipe now. Raises OSError."""
    return open(path, "rb", opener=_carefully)


def copy(source: Path, directory: Path) -> None:
    """Copies the regular files of a log directory; instead of one that cannot be read, a file that says so. Raises
    OSError when the copies cannot be written, or there is no such directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in names(source):
        try:
            content = _end(source / name)
        except OSError as problem:
            content = f"splitbrain: this log could not be fetched: {problem}\n".encode()
        (directory / name).write_bytes(content)


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _end(path: Path) -> bytes:
    with opened(path) as log:
        log.seek(max(0, os.fstat(log.fileno()).st_size - FILE_BYTES_MAX))
        return log.read(FILE_BYTES_MAX)  # bounded also while it grows


def _carefully(path: str, flags: int) -> int:
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is no plain file")
    return file
