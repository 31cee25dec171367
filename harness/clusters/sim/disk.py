"""A simulated disk: what a kill leaves is what was synced, plus what luck kept of the rest.

Kill means losing power here, since losing only what a process had not yet handed to the kernel would find no missing
fsync. Per file: half of the time everything after the last finished sync is gone; otherwise a seeded number of the
later operations survive, in order, and of an append that comes next a seeded first part (a torn tail). Files are
independent, as without write barriers. A sync that is under way promises nothing yet.
"""

from __future__ import annotations

import asyncio
import errno
import random
import re
from collections import deque
from typing import Any

from harness.clusters.sim.loop import SimLoop, VirtualLoop

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")

Content = bytearray | None


class _File:
    """What a process sees (`current`), what a crash cannot take (`durable`), and the changes that lead from one to the
    other."""

    __slots__ = ("changes", "current", "durable", "settled")

    def __init__(self) -> None:
        self.current: Content = None
        self.durable: Content = None
        self.changes: deque[_Change] = deque()
        self.settled = 0  # changes that have become durable so far


class _Change:
    """One operation on one file."""

    __slots__ = ("data", "kind", "size")

    def __init__(self, kind: str, data: bytes = b"", size: int = 0) -> None:
        self.kind = kind
        self.data = data
        self.size = size

    def apply(self, content: Content) -> Content:
        """The file after this operation; `content` itself may be changed."""
        if self.kind == "append":
            grown = bytearray() if content is None else content
            grown += self.data
            return grown
        if self.kind == "write":
            return bytearray(self.data)
        if self.kind == "truncate" and content is not None:
            del content[self.size :]
            return content
        return None


class SimDisk:
    """The disk of one node; it outlives the node's incarnations. `sync_ns` is the range of a sync's duration."""

    def __init__(self, loop: SimLoop, stream: random.Random, *, sync_ns: tuple[int, int]) -> None:
        self._loop = loop
        self._stream = stream
        self._min_ns, self._max_ns = sync_ns
        self._files: dict[str, _File] = {}
        self._power = 0
        self.syncs = 0

    # As the node sees it; every call comes through `MountedDisk`

    def change(self, name: str, change: _Change) -> None:
        """Applies one operation to what the process sees."""
        file = self._file(name)
        if change.kind == "truncate" and file.current is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        file.current = change.apply(file.current)
        file.changes.append(change)

    def read(self, name: str) -> bytes | None:
        """The content as the process sees it."""
        content = self._file(name).current
        return None if content is None else bytes(content)

    def names(self) -> list[str]:
        """The files as the process sees them."""
        return sorted(name for name, file in self._files.items() if file.current is not None)

    def sync(self, name: str, loop: VirtualLoop) -> asyncio.Future[None]:
        """A future on `loop` that is done when all changes so far are durable."""
        future: asyncio.Future[None] = asyncio.Future(loop=loop)
        duration_ns = self._min_ns + ((self._max_ns - self._min_ns) * self._stream.getrandbits(16) >> 16)
        file = self._file(name)
        goal = file.settled + len(file.changes)
        self._loop.post(self._loop.now_ns + duration_ns, self._settle, file, goal, self._power, future)
        return future

    def _file(self, name: str) -> _File:
        file = self._files.get(name)
        if file is None:
            if not NAME.fullmatch(name):
                raise OSError(errno.EINVAL, "a file's name is letters, digits, '.', '_' and '-'", name)
            file = self._files[name] = _File()
        return file

    def _settle(self, file: _File, goal: int, power: int, future: asyncio.Future[None]) -> None:
        if power != self._power:
            return
        self.syncs += 1
        while file.settled < goal:
            file.durable = file.changes.popleft().apply(file.durable)
            file.settled += 1
        if not future.done():
            future.set_result(None)

    # As the machine sees it

    def cut_power(self) -> dict[str, int]:
        """Forgets what was not synced, but for what luck keeps. Returns counts: `unsynced_writes`, `lost_writes`,
        `torn_writes`."""
        self._power += 1
        unsynced = lost = torn = 0
        for name in sorted(self._files):
            file = self._files[name]
            count = len(file.changes)
            if not count:
                continue
            kept = self._stream.randrange(count + 1) if self._stream.getrandbits(1) else 0
            for _ in range(kept):
                file.durable = file.changes.popleft().apply(file.durable)
            if file.changes and kept and file.changes[0].kind == "append":
                data = file.changes[0].data
                size = self._stream.randrange(len(data) + 1)
                if size:
                    file.durable = _Change("append", data[:size]).apply(file.durable)
                    torn += size < len(data)
            unsynced += count
            lost += count - kept
            file.changes.clear()
            file.settled = 0
            file.current = None if file.durable is None else bytearray(file.durable)
        return {"unsynced_writes": unsynced, "lost_writes": lost, "torn_writes": torn}


class MountedDisk:
    """The disk as one incarnation of the node has it; `unmount` ends all its access."""

    def __init__(self, disk: SimDisk, loop: VirtualLoop) -> None:
        self._disk: SimDisk | None = disk
        self._loop = loop

    def unmount(self) -> None:
        """From now on this incarnation writes into the void."""
        self._disk = None

    def write(self, name: str, data: bytes) -> None:
        self._change(name, _Change("write", bytes(data)))

    def append(self, name: str, data: bytes) -> None:
        self._change(name, _Change("append", bytes(data)))

    def truncate(self, name: str, size: int) -> None:
        self._change(name, _Change("truncate", size=size))

    def delete(self, name: str) -> None:
        self._change(name, _Change("delete"))

    def sync(self, name: str) -> asyncio.Future[Any]:
        return self._loop.create_future() if self._disk is None else self._disk.sync(name, self._loop)

    def read(self, name: str) -> bytes | None:
        return None if self._disk is None else self._disk.read(name)

    def names(self) -> list[str]:
        return [] if self._disk is None else self._disk.names()

    def _change(self, name: str, change: _Change) -> None:
        if self._disk is not None:
            self._disk.change(name, change)
