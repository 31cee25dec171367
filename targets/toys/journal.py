"""A journal: records appended to one file, and durable together.

A record is a JSON value on a line of its own behind a checksum. All of a store's state goes through one file in the
order in which it came about, so a crash leaves a state that the store was once in, however the disk tears the tail.
Concurrent callers of `sync` share one fsync (group commit): it costs as much for a hundred records as for one.

A failed fsync is final. The kernel may have dropped the pages it could not write and will report success the next time
(Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020), so every later `sync` fails too.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterable
from typing import Any

from harness.node import Disk

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


class Journal:
    """One file of records on a node's disk."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self._name = name
        self._lines: list[bytes] = []
        self._written = self._durable = 0
        self._turn = asyncio.Lock()
        self._failure: OSError | None = None

    def recover(self) -> list[Any]:
        """The records that survived, in order. Cuts off a torn tail; raises ValueError for damage before the end."""
        data = self._disk.read(self._name) or b""
        lines = data.split(b"\n")[:-1]
        decoded = [_decode(line) for line in lines]
        records = [record for record in decoded if record is not _DAMAGED]
        if _DAMAGED in decoded[: len(records)]:
            raise ValueError(f"{self._name} is damaged in the middle: what was once durable is lost")
        intact = sum(len(line) + 1 for line in lines[: len(records)])
        if intact < len(data):
            self._disk.truncate(self._name, intact)
            self._written += 1  # the cut itself is not durable yet
        return records

    def append(self, record: Any) -> None:
        """Adds a record, durable after the next `sync`. The record must not be changed afterwards."""
        self._lines.append(_line(record))
        self._written += 1

    @property
    def clean(self) -> bool:
        """Whether everything appended is durable."""
        return self._durable == self._written

    async def sync(self) -> None:
        """Returns once everything appended before the call is durable. Raises OSError, and from then on always."""
        goal = self._written
        while self._durable < goal:
            async with self._turn:
                if self._durable >= goal:
                    return
                if self._failure is not None:
                    raise OSError(f"{self._name} could not be made durable before") from self._failure
                await self._sync_once()

    async def rewrite(self, records: Iterable[Any]) -> None:
        """Replaces everything by these records, at once and durably. Nobody else may use the journal meanwhile."""
        self._lines.clear()
        self._disk.write(self._name, b"".join(_line(record) for record in records))
        self._written += 1
        await self.sync()

    async def _sync_once(self) -> None:
        covered = self._written
        if self._lines:
            data = b"".join(self._lines)
            self._lines.clear()
            self._disk.append(self._name, data)
        try:
            await self._disk.sync(self._name)
        except OSError as failure:
            self._failure = failure
            raise
        self._durable = covered


_DAMAGED = object()


def _line(record: Any) -> bytes:
    text = _encode(record).encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _decode(line: bytes) -> Any:
    checksum, _, text = line.partition(b" ")
    return json.loads(text) if checksum == b"%08x" % zlib.crc32(text) else _DAMAGED
