"""Where a disk is damaged, chosen from a seed alone: the simulator and the Linux mechanisms damage the same places of
the same files.

A file is looked at in chunks. Each chunk is hit with the corruption's probability, and if luck spares all of them one
is hit nevertheless: a fault that damages nothing tests nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from harness.clusters.base import Corruption
from harness.errors import UsageError

KINDS = ("flip", "truncate", "snapshot", "restore")

PROBE = "splitbrain.probe"
"""The name of the file with which a fault proves itself. It is never damaged: it is no data of anybody's."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of a file, in bytes. `bit` counts within it, for a flip."""

    file: str
    offset: int
    length: int
    bit: int = 0

    def to_json(self) -> dict[str, Any]:
        """As evidence tells it."""
        return {"file": self.file, "offset": self.offset, "length": self.length}


def places(corruption: Corruption, sizes: Mapping[str, int]) -> list[Place]:
    """What to damage, given the size of each file by its path below the data directory, in order. Empty when no file
    matches, or all that do are empty. Raises `UsageError` for a kind that is none."""
    if corruption.kind not in KINDS:
        raise UsageError(f"a disk is corrupted by {', '.join(KINDS)}, not by {corruption.kind!r}")
    fitting = {
        file: sizes[file]
        for file in sorted(sizes)
        if sizes[file] and file != PROBE and fnmatchcase(file, corruption.files)
    }
    random = Random(corruption.seed)
    if corruption.kind == "truncate":
        return [_tail(file, fitting[file], corruption.chunk_bytes) for file in _one(random, list(fitting))]
    chunks = [
        Place(file, offset, min(corruption.chunk_bytes, size - offset))
        for file, size in fitting.items()
        for offset in range(0, size, corruption.chunk_bytes)
    ]
    hit = [chunk for chunk in chunks if random.random() < corruption.probability] or _one(random, chunks)
    if corruption.kind != "flip":
        return hit
    bits = [(chunk, random.randrange(chunk.length * 8)) for chunk in hit]
    return [Place(chunk.file, chunk.offset + bit // 8, 1, bit % 8) for chunk, bit in bits]


def flipped(data: bytes, place: Place) -> bytes:
    """One byte with one bit the other way round."""
    return bytes([data[0] ^ 1 << place.bit])


def as_it_was(kept: bytes, length: int) -> bytes:
    """A chunk of `length` bytes as the disk held it when `kept` was all of it: nothing had been written behind."""
    return kept[:length].ljust(length, b"\0")


def _tail(file: str, size: int, chunk: int) -> Place:
    return Place(file, max(0, size - chunk), min(size, chunk))


def _one(random: Random, items: list[Any]) -> list[Any]:
    return [items[random.randrange(len(items))]] if items else []
