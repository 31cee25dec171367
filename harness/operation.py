"""The operation: one event of a client or a nemesis, and the vocabulary of histories.

An operation is invoked, and later completed by a second event with the same process: `ok` (it happened), `fail`
(it did not happen) or `info` (nobody knows). A process is a single-threaded logical client, so it has at most one
operation open; after `info` its worker goes on under a new process number and the old operation stays open for ever.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

NEMESIS = -1
"""Processes below zero belong to nemeses; -1 also speaks for the harness itself (phase marks)."""

PHASE = "phase"
"""`f` of the marks the harness leaves in the history: value "load", "heal", "settle", "final" or "end"."""


class Type(IntEnum):
    """What an event says about its operation. The numbers are those of the `type` column."""

    INVOKE = 0
    OK = 1
    FAIL = 2
    INFO = 3

    @property
    def label(self) -> str:
        """The word used in files: `invoke`, `ok`, `fail` or `info`."""
        return _LABELS[self]


_OK = Type.OK
_LABELS = ("invoke", "ok", "fail", "info")


class Operation(NamedTuple):
    """One event. Immutable; `value` and `error` are JSON values (never mutate them either).

    `time` is in integer nanoseconds since the run began (virtual in the simulator), -1 while not yet known; `process`
    is None until the interpreter has chosen one; `index` is the event's place in the history, -1 while outside one.
    """

    f: str
    key: str | int | None = None
    value: Any = None
    process: int | None = None
    type: Type = Type.INVOKE
    time: int = -1
    node: str | None = None
    error: Any = None
    index: int = -1  # type: ignore[assignment]  # hides tuple.index, which makes no sense for a record

    def ok(self, value: Any = None) -> Operation:
        """This operation, completed: it happened, with this value (a read's result, a write's argument)."""
        # Every client calls this for every operation; `_replace` would cost four times as much.
        return tuple.__new__(
            Operation, (self.f, self.key, value, self.process, _OK, self.time, self.node, self.error, self.index)
        )
