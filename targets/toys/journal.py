"""A journal: records appended to one file, and durable together.

A record is a JSON value on a line of its own behind a checksum. All of a store's state goes through one file in the
order in which it came about, so a crash leaves a state that the store was once in, however the disk tears the tail.
Concurrent callers of `sync` share one fsync (group commit): it costs as much for a hundred records as for one.

A failed write or fsync ends the server (`SystemExit`), before anything that relied on it is answered. The kernel may
have dropped the pages it could not write and will report success the next time (Rebello et al., "Can Applications
Recover from fsync Failures?", ATC 2020), so trying again proves nothing; what is on disk is only known after a restart.

Damage is told from a torn tail by the line's end: an append that was cut off by a crash lacks it, whatever has it was
whole once. So a flipped bit in what was durable keeps the server from starting, wherever it is. A journal that was cut
short cannot be told from one that was never longer; no store with one copy of its data can know.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.node import Disk

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


COMPACT_BYTES_MIN = 16 * 1024
"""A journal that is smaller is left as it is."""

COMPACT_GROWTH = 4
"""How many times as large as after its last compaction a journal grows until the next one."""


class Journal:
    """One file of records on a node's disk.

    `state`, where given, tells the records that stand for all those appended so far. With it a journal compacts itself:
    a `sync` that finds it several times as large as its state rewrites it instead of adding to it, so that its size is
    bounded by the state's, and the work by what is appended. Whoever appends has changed the state before it gives way
    to others.
    """

    def __init__(self, disk: Disk, name: str, state: Callable[[], Iterable[Any]] | None = None) -> None:
        self._disk = disk
        self._name = name
        self._state = state
        self._size = 0
        self._size_max = COMPACT_BYTES_MIN
        self._lines: list[bytes] = []
        self._written = self._durable = 0
        self._turn = asyncio.Lock()
        self._failed = False

    def recover(self) -> list[Any]:
        """The records that survived, in order; not all may be durable before the next `sync`. Cuts off a torn tail;
        raises ValueError for damage."""
        data = self._disk.read(self._name) or b""
        *lines, tail = data.split(b"\n")
        records = [_decode(line) for line in lines]
        # The last line's end may itself be what was damaged: the rest of that line then fits its checksum.
        if _DAMAGED in records or _decode(tail[:-1]) is not _DAMAGED:
            raise ValueError(f"{self._name} is damaged: what was once durable is lost")
        if tail:
            self._disk.truncate(self._name, len(data) - len(tail))
        self._size = len(data)
        if data:
            self._written += 1  # neither the cut nor what the end of the process alone left over is durable yet
        return records

    def append(self, record: Any) -> None:
        """Adds a record, durable after the next `sync`. The record must not be changed afterwards."""
        line = _line(record)
        self._lines.append(line)
        self._size += len(line)
        self._written += 1

    @property
    def clean(self) -> bool:
        """Whether everything appended is durable."""
        return self._durable == self._written

    async def sync(self) -> None:
        """Returns once everything appended before the call is durable. Raises SystemExit where it cannot be made so."""
        goal = self._written
        while self._durable < goal:
            async with self._turn:
                if self._durable < goal:
                    with self._or_exit():
                        if self._state is not None and self._size > self._size_max:
                            await self._replace(self._state)
                        else:
                            await self._write_out()

    async def rewrite(self, state: Callable[[], Iterable[Any]]) -> None:
        """Replaces everything by the records that `state` gives, which stand for all that was appended when it is
        called; returns once that is durable, and raises SystemExit where it cannot be made so.

        A crash leaves either what was durable before or the new records, and with these, of what was appended
        meanwhile, whatever a `sync` has covered. Appends and syncs may go on: they are put behind the new records.
        """
        async with self._turn:
            with self._or_exit():
                await self._replace(state)

    @contextmanager
    def _or_exit(self) -> Iterator[None]:
        """Around one change to the file, by whoever has the turn: the first that fails is the last."""
        if self._failed:
            raise SystemExit(f"{self._name} could not be made durable before")
        try:
            yield
        except OSError as failure:
            self._failed = True
            raise SystemExit(f"{self._name} cannot be made durable: {failure}") from failure

    async def _write_out(self) -> None:
        covered = self._written
        data = b"".join(self._lines)
        self._lines.clear()
        if data:
            self._disk.append(self._name, data)
        await self._disk.sync(self._name)
        self._durable = covered

    async def _replace(self, state: Callable[[], Iterable[Any]]) -> None:
        """The new file is whole on the disk before it takes the other's name, and has that for good before anybody
        relies on it."""
        covered, count = self._written, len(self._lines)
        new = f"{self._name}.new"
        data = b"".join(_line(record) for record in state())
        self._disk.write(new, data)
        await self._disk.sync(new)
        self._disk.rename(new, self._name)
        del self._lines[:count]
        self._size = len(data) + sum(map(len, self._lines))
        self._size_max = max(COMPACT_BYTES_MIN, COMPACT_GROWTH * len(data))
        await self._disk.sync(self._name)
        self._durable = covered


_DAMAGED = object()


def _line(record: Any) -> bytes:
    text = _encode(record).encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _decode(line: bytes) -> Any:
    checksum, _, text = line.partition(b" ")
    return json.loads(text) if checksum == b"%08x" % zlib.crc32(text) else _DAMAGED
