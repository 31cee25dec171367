"""A folder as a node's disk.

Nothing waits for the medium but `sync`, which does so in a thread, for the file and for the folder that names it. So a
`rename` is as durable as the content, once either of its names is synced.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SYNC_THREADS_MAX = 4

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class FolderDisk:
    """Implements `harness.node.host.Disk` in `folder`, which is made when absent."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._threads = ThreadPoolExecutor(SYNC_THREADS_MAX, thread_name_prefix="sync")
        self._appending: dict[str, int] = {}

    def write(self, name: str, data: bytes) -> None:
        self._path(name).write_bytes(data)

    def append(self, name: str, data: bytes) -> None:
        path = self._path(name)
        descriptor = self._appending.get(name)
        if descriptor is None:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._appending[name] = descriptor
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def truncate(self, name: str, size: int) -> None:
        path = self._path(name)
        if size < path.stat().st_size:
            os.truncate(path, size)

    def rename(self, name: str, new: str) -> None:
        self._path(name).replace(self._path(new))
        self._forget(name)
        self._forget(new)

    async def sync(self, name: str) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._sync, self._path(name))

    def read(self, name: str) -> bytes | None:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)
        self._forget(name)

    def names(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name))

    def close(self) -> None:
        """Waits for the syncs under way and lets go of all files."""
        self._threads.shutdown()
        for name in list(self._appending):
            self._forget(name)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise OSError(errno.EINVAL, "a file's name is letters, digits, '.', '_' and '-'", name)
        return self._folder / name

    def _forget(self, name: str) -> None:
        # A descriptor kept from earlier appends leads to a file that no longer has this name.
        descriptor = self._appending.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)

    def _sync(self, path: Path) -> None:
        # A file that is gone by now was deleted or replaced, and the folder says so.
        for target in (path, self._folder):
            try:
                descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
