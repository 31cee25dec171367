"""A simulated disk: what a kill leaves is what was synced, plus what luck kept of the rest.

Kill means losing power here, since losing only what a process had not yet handed to the kernel would find no missing
fsync. Per file: half of the time everything after the last finished sync is gone; otherwise a seeded number of the
later operations survive, in order, and of an append or a write that comes next a seeded first part (a torn tail). Files
are independent, as without write barriers. So are names: of the renames that no sync has covered a seeded number
survive, in order, whatever became of the content. A sync that is under way promises nothing yet.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.clusters import damage
from harness.clusters.base import Corruption, Impairment
from harness.clusters.sim.file import Change, File, Rename
from harness.clusters.sim.loop import SimLoop, VirtualLoop

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")

_REFUSED = {"full": ("append", "write"), "read-only": ("append", "write", "truncate", "delete", "rename")}


@dataclass(frozen=True, slots=True)
class _Goal:
    """What a sync makes durable: the first `changes` of a file, and all names given up to a rename."""

    file: File
    changes: int
    rename: Rename | None


def _error(code: str, name: str) -> OSError:
    number = getattr(errno, code)
    return OSError(number, os.strerror(number), name)


class SimDisk:
    """The disk of one node; it outlives the node's incarnations. `sync_ns` is the range of a sync's duration."""

    def __init__(self, loop: SimLoop, stream: random.Random, *, sync_ns: tuple[int, int]) -> None:
        self._loop = loop
        self._stream = stream
        self._min_ns, self._max_ns = sync_ns
        self._files: dict[str, File] = {}
        self._renames: list[Rename] = []
        self._power = 0
        self._waiting: list[tuple[str, _Goal, asyncio.Future[None]]] = []
        self._kept: dict[tuple[str, int], bytes] = {}
        self.syncs = 0
        self.impairment: Impairment | None = None

    # As the node sees it; every call comes through `MountedDisk`

    def change(self, name: str, change: Change) -> None:
        """Applies one operation to what the process sees. OSError as an impaired disk gives it."""
        file = self._file(name)
        self._refuse(change.kind, name)
        if change.kind == "truncate" and file.current is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        file.current = change.apply(file.current)
        file.changes.append(change)

    def rename(self, source: str, dest: str) -> None:
        """Moves a file as the process sees it. OSError as an impaired disk gives it."""
        rename = Rename(source, dest, self._file(source), self._file(dest))
        self._refuse("rename", source)
        if rename.moved.current is None:
            raise FileNotFoundError(errno.ENOENT, "no such file", source)
        if source != dest:
            rename.do(self._files)
            self._renames.append(rename)

    def _refuse(self, kind: str, name: str) -> None:
        if self.impairment is not None and kind in _REFUSED.get(self.impairment.kind, ()):
            raise _error("ENOSPC" if self.impairment.kind == "full" else "EROFS", name)

    def read(self, name: str) -> bytes | None:
        """The content as the process sees it."""
        content = self._file(name).current
        return None if content is None else bytes(content)

    def names(self) -> list[str]:
        """The files as the process sees them."""
        return sorted(name for name, file in self._files.items() if file.current is not None)

    def sync(self, name: str, loop: VirtualLoop) -> asyncio.Future[None]:
        """A future on `loop` that is done when all changes so far are durable, or fails as an impaired disk does."""
        future: asyncio.Future[None] = asyncio.Future(loop=loop)
        duration_ns = self._min_ns + ((self._max_ns - self._min_ns) * self._stream.getrandbits(16) >> 16)
        file = self._file(name)
        renames = [rename for rename in self._renames if name in (rename.source, rename.dest)]
        goal = _Goal(file, file.settled + len(file.changes), renames[-1] if renames else None)
        if self.impairment is not None and self.impairment.kind == "slow":
            duration_ns += round(self.impairment.delay_ms * 1e6)
        self._loop.post(self._loop.now_ns + duration_ns, self._settle, name, goal, self._power, future)
        return future

    def _file(self, name: str) -> File:
        file = self._files.get(name)
        if file is None:
            if not NAME.fullmatch(name):
                raise OSError(errno.EINVAL, "a file's name is letters, digits, '.', '_' and '-'", name)
            file = self._files[name] = File()
        return file

    def _settle(self, name: str, goal: _Goal, power: int, future: asyncio.Future[None]) -> None:
        if power != self._power:
            return
        kind = "" if self.impairment is None else self.impairment.kind
        if kind == "hang":
            self._waiting.append((name, goal, future))
            return
        file = goal.file
        if kind == "error" or (kind == "read-only" and file.settled < goal.changes):
            assert self.impairment is not None
            for place in range(max(0, goal.changes - file.settled)):
                file.changes[place].lose()
            if not future.done():
                future.set_exception(_error(self.impairment.error or "EROFS", name))
            return
        self.syncs += 1
        while file.settled < goal.changes:
            file.durable = file.changes.popleft().apply(file.durable)
            file.settled += 1
        if goal.rename in self._renames:
            del self._renames[: self._renames.index(goal.rename) + 1]
        if not future.done():
            future.set_result(None)

    # As the machine sees it

    def impair(self, impairment: Impairment | None) -> None:
        """Puts an impairment in force, or ends it with None: syncs that hung go on."""
        self.impairment = impairment
        waiting, self._waiting = self._waiting, []
        for name, goal, future in waiting:
            self._settle(name, goal, self._power, future)

    @property
    def slowest_s(self) -> float:
        """How long a sync may take when nothing is wrong."""
        return self._max_ns / 1e9

    def touch(self, name: str) -> None:
        """Writes a file, as a process would. OSError as an impaired disk gives it."""
        self.change(name, Change("write", b"?"))

    def forget(self, name: str) -> None:
        """Removes a file without a trace, whatever state the disk is in."""
        self._files.pop(name, None)

    def corrupt(self, corruption: Corruption) -> list[damage.Place]:
        """Damages what is on the medium, and in the cache as far as it is the same; returns where. `restore` puts back
        what the last `snapshot` kept."""
        sizes = {name: len(file.current) for name, file in self._files.items() if file.current is not None}
        if corruption.kind == "restore":
            return self._restore(sizes)
        places = damage.places(corruption, sizes)
        for place in places:
            content = self._files[place.file].current
            assert content is not None
            before = bytes(content[place.offset : place.offset + place.length])
            if corruption.kind == "snapshot":
                self._kept[place.file, place.offset] = before.ljust(corruption.chunk_bytes, b"\0")
            elif corruption.kind == "truncate":
                self._cut(place.file, place.offset)
            else:
                self._put(place.file, place.offset, damage.flipped(before, place))
        return places

    def _restore(self, sizes: Mapping[str, int]) -> list[damage.Place]:
        kept, self._kept = self._kept, {}
        restored = []
        for (name, offset), data in sorted(kept.items()):
            length = min(len(data), sizes.get(name, 0) - offset)
            if length > 0:
                self._put(name, offset, data[:length])
                restored.append(damage.Place(name, offset, length))
        return restored

    def _put(self, name: str, offset: int, data: bytes) -> None:
        def put(content: bytearray) -> None:
            there = max(0, min(len(data), len(content) - offset))
            content[offset : offset + there] = data[:there]

        self._on_both(name, put)

    def _cut(self, name: str, size: int) -> None:
        def cut(content: bytearray) -> None:
            del content[size:]

        self._on_both(name, cut)

    def _on_both(self, name: str, act: Callable[[bytearray], object]) -> None:
        file = self._files[name]
        for content in (file.current, file.durable):
            if content is not None:
                act(content)

    def cut_power(self) -> dict[str, int]:
        """Forgets what was not synced, but for what luck keeps. Returns counts: `unsynced_writes`, `lost_writes`,
        `torn_writes`."""
        self._power += 1
        self._waiting.clear()
        unsynced = len(self._renames)
        lost = self._undo_renames()
        torn = 0
        for name in sorted(self._files):
            file = self._files[name]
            count = len(file.changes)
            if count:
                is_lucky = bool(self._stream.getrandbits(1))
                for _ in range(self._stream.randrange(count + 1) if is_lucky else 0):
                    file.durable = file.changes.popleft().apply(file.durable)
                lost += len(file.changes)
                if file.changes and is_lucky:
                    torn += self._tear(file, file.changes[0])
                unsynced += count
                file.changes.clear()
                file.settled = 0
            file.current = None if file.durable is None else bytearray(file.durable)
        return {"unsynced_writes": unsynced, "lost_writes": lost, "torn_writes": torn}

    def _undo_renames(self) -> int:
        """Takes back the last of those that no sync has covered; returns how many."""
        pending, self._renames = self._renames, []
        kept = self._stream.randrange(len(pending) + 1) if pending else 0
        for rename in reversed(pending[kept:]):
            rename.undo(self._files)
        return len(pending) - kept

    def _tear(self, file: File, change: Change) -> bool:
        """Keeps a first part of an append or a write; whether that is a part, and not all or nothing."""
        if change.kind not in ("append", "write"):
            return False
        size = self._stream.randrange(len(change.data) + 1)
        if size or change.kind == "write":
            file.durable = Change(change.kind, change.data[:size]).apply(file.durable)
        return 0 < size < len(change.data)


class MountedDisk:
    """The disk as one incarnation of the node has it; `unmount` ends all its access."""

    def __init__(self, disk: SimDisk, loop: VirtualLoop) -> None:
        self._disk: SimDisk | None = disk
        self._loop = loop

    def unmount(self) -> None:
        """From now on this incarnation writes into the void."""
        self._disk = None

    def write(self, name: str, data: bytes) -> None:
        self._change(name, Change("write", bytes(data)))

    def append(self, name: str, data: bytes) -> None:
        self._change(name, Change("append", bytes(data)))

    def truncate(self, name: str, size: int) -> None:
        self._change(name, Change("truncate", size=size))

    def delete(self, name: str) -> None:
        self._change(name, Change("delete"))

    def rename(self, name: str, new: str) -> None:
        if self._disk is not None:
            self._disk.rename(name, new)

    def sync(self, name: str) -> asyncio.Future[Any]:
        return self._loop.create_future() if self._disk is None else self._disk.sync(name, self._loop)

    def read(self, name: str) -> bytes | None:
        return None if self._disk is None else self._disk.read(name)

    def names(self) -> list[str]:
        return [] if self._disk is None else self._disk.names()

    def _change(self, name: str, change: Change) -> None:
        if self._disk is not None:
            self._disk.change(name, change)
