"""A file of the simulated disk: what a process sees, what a crash cannot take, and what leads from one to the other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

Content = bytearray | None
"""None where there is no such file."""


class File:
    """What a process sees (`current`), what a crash cannot take (`durable`), and the changes that lead from one to the
    other."""

    __slots__ = ("changes", "current", "durable", "settled")

    def __init__(self) -> None:
        self.current: Content = None
        self.durable: Content = None
        self.changes: deque[Change] = deque()
        self.settled = 0  # changes that have become durable so far


class Change:
    """One operation on one file's content."""

    __slots__ = ("data", "kind", "size")

    def __init__(self, kind: str, data: bytes = b"", size: int = 0) -> None:
        self.kind = kind
        self.data = data
        self.size = size

    def lose(self) -> None:
        """It is taken for written, and never was."""
        self.data = bytes(len(self.data))

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


@dataclass(frozen=True, slots=True, eq=False)
class Rename:
    """A name that passes from one file to another, and may have to be given back."""

    source: str
    dest: str
    moved: File
    replaced: File

    def do(self, files: dict[str, File]) -> None:
        """The file takes the other's name."""
        files[self.dest] = files.pop(self.source)

    def undo(self, files: dict[str, File]) -> None:
        """Both have the names that they had before; what took the free one meanwhile goes."""
        files[self.source], files[self.dest] = self.moved, self.replaced
