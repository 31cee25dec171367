"""What can be taken away: a run's history in any format, and its folder as one archive, made while it is sent."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.errors import HistoryError
from harness.history import History
from reports.serve.store import Missing, RunName, Store, entries, regular

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FORMATS = {"arrow": "application/vnd.apache.arrow.stream", "jsonl": "application/jsonl", "edn": "application/edn"}
HISTORY_BYTES_MAX = 1 << 30
"""Larger histories are given as they are, and not as text: a text is made from the whole."""
DEPTH_MAX = 8
_PIECE = 1 << 18


def history(store: Store, name: RunName, format: str) -> Iterator[bytes]:
    """The history in one of `FORMATS`. Raises `Missing`, and `HistoryError` of one that cannot be read, before the
    first piece."""
    if format == "arrow":
        return _file(store, name)
    return load(store, name, HISTORY_BYTES_MAX).text(format)


def load(store: Store, name: RunName, bytes_max: int) -> History:
    """A run's history, up to its last whole batch. Raises `Missing`, also of a larger one, and `HistoryError`."""
    with store.file(name.target, name.run, "history.arrow") as descriptor:
        size = os.fstat(descriptor).st_size
        if size > bytes_max:
            raise Missing(f"the history has {size:,} bytes, and no more than {bytes_max:,} are read here")
        path = f"/proc/self/fd/{descriptor}"
        try:
            return History.read(path, "arrow")
        except HistoryError as refusal:
            raise HistoryError(str(refusal).replace(path, f"{name}/history.arrow")) from refusal


def _file(store: Store, name: RunName) -> Iterator[bytes]:
    with store.file(name.target, name.run, "history.arrow") as descriptor:
        kept = os.dup(descriptor)
    return _pieces(kept)


def _pieces(descriptor: int) -> Iterator[bytes]:
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while piece := file.read(_PIECE):
            yield piece


def archive(store: Store, name: RunName) -> Iterator[bytes]:
    """The run's folder as a ZIP archive: its regular files, and nothing that links lead to. Raises `Missing` before
    the first piece."""
    with store.folder(name.target, name.run):
        pass
    return _archive(store, name)


class _Sink(io.RawIOBase):
    """Where the archive is written to, until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def take(self) -> bytes:
        """What was written since."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _archive(store: Store, name: RunName) -> Iterator[bytes]:
    sink = _Sink()
    with store.folder(name.target, name.run) as folder, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for way, descriptor in _members(folder, (name.run,), DEPTH_MAX):
            entry = zipfile.ZipInfo("/".join(way))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                while piece := os.read(descriptor, _PIECE):
                    member.write(piece)
                    if taken := sink.take():
                        yield taken
    yield sink.take()


def _members(folder: int, above: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every regular file below an open folder: its name, folders first, and its descriptor, open until the next."""
    for name in entries(folder):
        with suppress(Missing), regular(folder, name, name) as descriptor:
            yield (*above, name), descriptor
            continue
        if depth and (inner := _inner(folder, name)) is not None:
            try:
                yield from _members(inner, (*above, name), depth - 1)
            finally:
                os.close(inner)


def _inner(folder: int, name: str) -> int | None:
    with suppress(OSError):
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    return None
