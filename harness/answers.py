"""What clients asked, and what they got: the client operations of a history as plain columns.

Availability, recovery, coverage and counts all need the same few numbers of every operation and none of its values.
Kept as arrays, a million operations take 30 MB; as objects they would take twenty times that.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

from harness.operation import Type

if TYPE_CHECKING:
    from harness.history import History

OPEN = -1
"""The completion time of an operation that never completed."""

NOBODY = -1
"""The node of a worker that is bound to none."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The client operations of a history, in the order of their invocations. Row i of every column is one operation.

    `index` is the invocation's place in the history; `invoked_ns` and `completed_ns` (`OPEN` if never) are times;
    `outcome` is a `Type` (INVOKE while open); `served` is 1 where the service gave its answer: ok, or a
    compare-and-set that was refused with the value found. `node`, `f` and `key` are positions in `nodes`, `fs` and
    `keys`; node -1 is a worker bound to none, key -1 an operation that names none.
    """

    index: array[int]
    invoked_ns: array[int]
    completed_ns: array[int]
    outcome: bytearray
    served: bytearray
    node: array[int]
    f: array[int]
    key: array[int]
    nodes: list[str]
    fs: list[str]
    keys: list[str]

    def __len__(self) -> int:
        return len(self.index)

    def of(self, name: str) -> Answers:
        """The operations of that `f` alone."""
        return self.keeping(bytes(self.fs[f] == name for f in self.f))

    def decided_by(self, moments: Iterable[int]) -> Answers:
        """All operations but those that were in flight at one of these moments."""
        mine = bytearray(b"\1" * len(self))
        for moment in moments:
            for row in range(bisect_left(self.invoked_ns, moment)):
                if self.completed_ns[row] == OPEN or self.completed_ns[row] > moment:
                    mine[row] = 0
        return self.keeping(mine)

    def keeping(self, mine: bytes | bytearray) -> Answers:
        """The operations of the rows whose byte is not zero."""

        def kept(column: array[int]) -> array[int]:
            return array("q", compress(column, mine))

        return Answers(
            kept(self.index),
            kept(self.invoked_ns),
            kept(self.completed_ns),
            bytearray(compress(self.outcome, mine)),
            bytearray(compress(self.served, mine)),
            kept(self.node),
            kept(self.f),
            kept(self.key),
            self.nodes,
            self.fs,
            self.keys,
        )

    def between(self, start_ns: int, end_ns: int | None) -> range:
        """The rows of the operations invoked in `[start_ns, end_ns)`; no end means to the last."""
        stop = len(self) if end_ns is None else bisect_left(self.invoked_ns, end_ns)
        return range(bisect_left(self.invoked_ns, start_ns), stop)


def client_answers(history: History) -> Answers:
    """Reads them off a history, in one pass."""
    kinds, processes, times = history.types(), history.column("process"), history.column("time")
    rows = array("q", (row for row, kind in enumerate(kinds) if not kind and processes[row] >= 0))
    completions = array("q", map(history.column("completion").__getitem__, rows))
    outcome = bytearray(0 if row < 0 else kinds[row] for row in completions)
    node, nodes = _compact(history, "node", rows)
    f, fs = _compact(history, "f", rows)
    key, keys = _compact(history, "key", rows)
    return Answers(
        array("q", map(history.column("index").__getitem__, rows)),
        array("q", map(times.__getitem__, rows)),
        array("q", (OPEN if row < 0 else times[row] for row in completions)),
        outcome,
        _served(history, completions, outcome),
        node,
        f,
        key,
        nodes,
        fs,
        keys,
    )


def refused(error: Any) -> bool:
    """Whether a definite failure is an answer all the same: a compare-and-set refused with the value that was found."""
    return isinstance(error, Mapping) and "current" in error


def _compact(history: History, name: str, rows: Iterable[int]) -> tuple[array[int], list[str]]:
    """A text column of these rows as codes and texts, without the texts that only other rows have."""
    column, texts = history.core.codes(name)
    codes = array("q", map(memoryview(column).__getitem__, rows))
    used = {code: place for place, code in enumerate(code for code in dict.fromkeys(codes) if code >= 0)}
    used[NOBODY] = NOBODY
    return array("q", map(used.__getitem__, codes)), [texts[code] for code in used if code >= 0]


def _served(history: History, completions: Iterable[int], outcome: bytearray) -> bytearray:
    column, texts = history.core.codes("error")
    errors = memoryview(column)
    refusals = bytes(refused(json.loads(text)) for text in texts) + b"\0"  # the last is that of -1: no error at all
    return bytearray(
        kind == _OK or (kind == _FAIL and refusals[errors[row]]) for kind, row in zip(outcome, completions, strict=True)
    )


_OK, _FAIL = Type.OK, Type.FAIL
