"""What clients asked of an application and what they got: a history's client operations with their values.

Applications are judged in Python, for their rules are a business's own and change with it; so what reading a history
costs decides what a check costs. The columns are walked once, equal values are parsed once, and nothing is made per
operation but one tuple: a few microseconds each (`benchmarks/applications.py`).
"""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.answers import refused
from harness.errors import HistoryError
from harness.faults import phases
from harness.operation import Type

if TYPE_CHECKING:
    from harness.history import History

NEVER_NS = (1 << 63) - 1
"""When an operation ended of which nobody knows whether and when it took effect."""


class Request(NamedTuple):
    """One client operation. Never change `asked` and `got`: equal values are one object.

    `asked` is the value it was invoked with, `got` that of its completion; `outcome` is OK, FAIL or INFO (also of what
    never completed), `end_ns` is `NEVER_NS` for INFO. `start` and `end` are the indices of its events (`end` -1 for
    none). `refused`: a failure that tells what was found, which is an answer. `final`: invoked after the mark "final".
    """

    start: int
    end: int
    process: int
    f: str
    key: str | None
    asked: Any
    got: Any
    outcome: Type
    start_ns: int
    end_ns: int
    node: str | None
    refused: bool
    final: bool

    @property
    def ops(self) -> tuple[int, ...]:
        """The indices of its events."""
        return (self.start,) if self.end < 0 else (self.start, self.end)

    @property
    def ok(self) -> bool:
        return self.outcome is Type.OK

    @property
    def failed(self) -> bool:
        """It certainly did not happen."""
        return self.outcome is Type.FAIL

    def malformed(self, expected: str) -> HistoryError:
        """The error for a value that is none of its application's."""
        event = self.start if self.end < 0 else self.end
        return HistoryError(f"event {event}: {expected}", event=event)


class Requests(list[Request]):
    """All of a history, in the order of their invocations. `ended`: it has the mark "final"."""

    ended: bool = False


def requests(history: History, *functions: str) -> Requests:
    """Reads them off a history. Raises `HistoryError` for an operation that is none of `functions`."""
    kinds, processes, times = history.types(), history.column("process"), history.column("time")
    indices, completions = history.column("index"), history.column("completion")
    values, fs, keys, nodes = (_Text(history, name) for name in ("value", "f", "key", "node"))
    errors = _Text(history, "error")
    refusals = {code for code, text in enumerate(errors.texts) if refused(json.loads(text))}
    parsed: dict[int, Any] = {-1: None}

    def value(row: int) -> Any:
        code = values.codes[row]
        if code not in parsed:
            parsed[code] = json.loads(values.texts[code])
        return parsed[code]

    mark = phases(history).get("final")
    first_final = len(history) if mark is None else bisect_left(indices, mark.index)
    found = Requests()
    found.ended = mark is not None
    new = tuple.__new__
    for row in range(len(history)):
        process = processes[row]
        if kinds[row] or process < 0:
            continue
        f, completion = fs.at(row), completions[row]
        if f not in functions:
            event = indices[row]
            raise HistoryError(
                f"event {event}: there is no operation {f!r} here, but {', '.join(functions)}", event=event
            )
        outcome = Type.INFO if completion < 0 else _OUTCOMES[kinds[completion]]
        found.append(
            new(
                Request,
                (
                    indices[row],
                    -1 if completion < 0 else indices[completion],
                    process,
                    f,
                    keys.at(row),
                    value(row),
                    None if completion < 0 else value(completion),
                    outcome,
                    times[row],
                    NEVER_NS if outcome is Type.INFO else times[completion],
                    nodes.at(row),
                    completion >= 0 and errors.codes[completion] in refusals,
                    row >= first_final,
                ),
            )
        )
    return found


class _Text:
    """A column of texts."""

    __slots__ = ("codes", "texts")

    def __init__(self, history: History, name: str) -> None:
        column, self.texts = history.core.codes(name)
        self.codes = memoryview(column)

    def at(self, row: int) -> str | None:
        code = self.codes[row]
        return None if code < 0 else self.texts[code]


_OUTCOMES = (Type.INVOKE, Type.OK, Type.FAIL, Type.INFO)
