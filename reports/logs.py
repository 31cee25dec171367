"""What the nodes' logs say round a violation.

A line is placed by the time it bears: in the simulator virtual time; elsewhere a date as most programs write one, by
the node's own clock, which a fault may have set wrong. A line without one belongs to the line before it, as in a
traceback. Where no line of a file bears a time, its last lines are shown, and it is said so.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.runs import Epoch

LINES_MAX = 40
"""Lines shown of one file."""

LINE_CHARS_MAX = 400
FILES_MAX, NODES_MAX = 4, 20
READ_BYTES_MAX = 8 << 20
"""Of a longer file, its end is read."""

MARGIN_NS = 1_000_000_000
"""How long before and after the violation a line may be from."""

_HEAD = 100
_VIRTUAL = re.compile(r"^(\d{1,10})\.(\d{6}) ")
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?")
_REDIS = re.compile(r"(\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d)\.(\d{3})")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line, and when, in ns since the run began; None where it is not known."""

    time_ns: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of one file of a node. `left_out` is how many more there are of that time; `timed` is False where no line
    bears a time, so that these are the last ones."""

    node: str
    file: str
    lines: Sequence[LogLine]
    left_out: int
    timed: bool


class Logs:
    """The logs below a run's folder, each read once, when first asked for."""

    def __init__(self, folder: Path | None = None, epoch: Epoch | None = None) -> None:
        self._folder = folder
        self._epoch = epoch
        self._read: list[tuple[str, str, list[LogLine]]] | None = None

    def around(self, start_ns: int, end_ns: int) -> list[Excerpt]:
        """What each file says of this time, a second to either side included; files that say nothing are passed
        over."""
        if self._read is None:
            self._read = list(self._files())
        excerpts = [_excerpt(node, file, lines, start_ns, end_ns) for node, file, lines in self._read]
        return [one for one in excerpts if one.lines]

    def _files(self) -> Iterator[tuple[str, str, list[LogLine]]]:
        for node in _plain(self._folder, Path.is_dir)[:NODES_MAX] if self._folder else ():
            for file in _plain(node, Path.is_file)[:FILES_MAX]:
                with suppress(OSError):
                    yield node.name, file.name, _lines(_end(file), self._epoch)


def _plain(folder: Path, kind: Callable[[Path], bool]) -> list[Path]:
    """What is in a folder of this kind, links left out; nothing where it cannot be read."""
    try:
        return sorted((one for one in folder.iterdir() if not one.is_symlink() and kind(one)), key=_natural)
    except OSError:
        return []


def _natural(path: Path) -> tuple[int, str]:
    return len(path.name), path.name


def _end(file: Path) -> str:
    with file.open("rb") as log:
        size = os.fstat(log.fileno()).st_size
        log.seek(max(0, size - READ_BYTES_MAX))
        content = log.read(READ_BYTES_MAX)
    if size > READ_BYTES_MAX:
        content = content.partition(b"\n")[2]
    return content.decode("utf-8", errors="replace")


def _lines(content: str, epoch: Epoch | None) -> list[LogLine]:
    lines, before = [], None
    for line in content.split("\n"):
        if line:
            found = None if epoch is None else _time(line[:_HEAD], epoch)
            before = before if found is None else found
            text = _VIRTUAL.sub("", line[:LINE_CHARS_MAX]) if found is not None else line[:LINE_CHARS_MAX]
            lines.append(LogLine(before, text + (" …" if len(line) > LINE_CHARS_MAX else "")))
    return lines


def _time(head: str, epoch: Epoch) -> int | None:
    """When a line was written, in ns since the run began."""
    if found := _VIRTUAL.match(head):
        return int(found[1]) * 1_000_000_000 + int(found[2]) * 1_000 - epoch.cluster_ns
    try:
        if found := _ISO.search(head):
            zone = (found[4] or "Z").replace("Z", "+00:00")
            at = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}")
            return _ns(at, found[3] or "0") - epoch.utc_ns
        if found := _REDIS.search(head):
            at = datetime.strptime(found[1], "%d %b %Y %H:%M:%S").replace(tzinfo=UTC)
            return _ns(at, found[2]) - epoch.utc_ns
    except (ValueError, OverflowError):
        pass
    return None


def _ns(at: datetime, fraction: str) -> int:
    return int(at.timestamp()) * 1_000_000_000 + int(fraction.ljust(9, "0"))


def _excerpt(node: str, file: str, lines: Sequence[LogLine], start_ns: int, end_ns: int) -> Excerpt:
    if not any(line.time_ns is not None for line in lines):
        last = deque(lines, maxlen=LINES_MAX)
        return Excerpt(node, file, list(last), len(lines) - len(last), timed=False)
    inside = [
        line
        for line in lines
        if line.time_ns is not None and start_ns - MARGIN_NS <= line.time_ns <= end_ns + MARGIN_NS
    ]
    # Nearest to where the violation ended: that is where it showed.
    nearest = sorted(range(len(inside)), key=lambda place: abs((inside[place].time_ns or 0) - end_ns))[:LINES_MAX]
    return Excerpt(node, file, [inside[place] for place in sorted(nearest)], len(inside) - len(nearest), timed=True)
