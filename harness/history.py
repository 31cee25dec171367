"""Histories: the ordered record of every event of a run, and the only thing checkers read.

A history lives in Rust columns (`harness._core.History`, reachable as `History.core`); this class is its face. It keeps
no Python object per event: an `Operation` is made when one is asked for and its JSON is parsed then. Checkers that look
at millions of events read whole columns (`column`, `types`), or go to Rust with `core`.

Formats: `arrow` (an Arrow IPC stream, the form of a run's folder; all columns, exact), `jsonl` (one JSON object a
line, exact), `edn` (Jepsen's form, read by its tools; `keywords` below), `csv` (written only), `etcd-log` (read only:
the log lines of early Jepsen tests), `sessions` (read only: `r KEY VALUE` and `w KEY VALUE` a line, `-----` behind a
transaction, `=====` behind a session; no times, so every event has the same). What a file is in is told by its content.

EDN has keywords where JSON has only strings. A keyword in a value is read as the string of its name, and a string is
written as a keyword only where tools expect one: the function of a micro-operation (`[[:append 1 2] [:r 1 nil]]`) and
the keys of maps. So what splitbrain recorded is the same after a trip through EDN, while a foreign file's keyword
values become strings. EDN calls every nemesis `:nemesis`, so processes below zero come back as -1.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from harness import _core
from harness.errors import HistoryError
from harness.operation import Operation

if TYPE_CHECKING:
    import pandas

PROBLEMS_MAX = 100
"""Problems listed at most: a file that breaks a rule in every line is told apart from a good one by the first few."""

_ROWS_AT_ONCE = 4096

_operation: partial[Operation] = partial(tuple.__new__, Operation)


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule of histories that is broken at one event. `line` is its 1-based line where it came from a text file.

    It is `fatal` when nobody can say what belongs together. Times that go back a little are not: they occur in
    recorded histories of other tools, and then the order of events is what counts.
    """

    event: int
    message: str
    line: int | None
    fatal: bool

    def refusal(self, file: str) -> HistoryError:
        """The error that names it, for a reader of this file who does not go on."""
        message = f"{_place(file, self.line)}: event {self.event}: {self.message}"
        return HistoryError(message, event=self.event, line=self.line)


class History:
    """An immutable sequence of events. Row `i` is the event of index `i`, except in a selection (see `select`).

    `has_times` is False where the file gave no times: then `time` is the event's index and only its order means
    anything. `truncated` says that the file ended before its end: it was read up to its last whole event or batch.
    """

    __slots__ = ("core",)

    def __init__(self, core: _core.History) -> None:
        """The face of columns that a `_core.Recorder` or reader made."""
        self.core = core

    @classmethod
    def read(cls, path: str | os.PathLike[str], format: str | None = None, *, lenient: bool = False) -> History:
        """Reads a history file; `format` overrides what its content says.

        Raises `HistoryError`, with file and line, if it cannot be opened, is not a history, or has a fatal problem.
        With `lenient` those too are left to `problems()`.
        """
        name = os.fspath(path)
        try:
            history = cls(_core.read_history(name, format))
        except OSError as error:
            raise HistoryError(f"{name}: cannot be read: {error.strerror or error}") from error
        except _core.MalformedHistory as error:
            message, line, *_ = error.args
            raise HistoryError(f"{_place(name, line)}: {message}", line=line) from None
        if not lenient and (problems := history.problems(limit=1)) and problems[0].fatal:
            first = problems[0]
            raise first.refusal(name)
        return history

    @property
    def has_times(self) -> bool:
        return self.core.has_times

    @property
    def truncated(self) -> bool:
        return self.core.truncated

    def __len__(self) -> int:
        return len(self.core)

    def __getitem__(self, row: int) -> Operation:
        """One event. Negative rows count from the end; raises IndexError beyond either."""
        return _operation(self.core.row(row + len(self) if row < 0 else row))

    def __iter__(self) -> Iterator[Operation]:
        for start in range(0, len(self), _ROWS_AT_ONCE):
            yield from map(_operation, self.core.rows(start, start + _ROWS_AT_ONCE))

    def __repr__(self) -> str:
        return f"<History of {len(self)} events{', truncated' if self.truncated else ''}>"

    def pairs(self) -> Iterator[tuple[Operation, Operation | None]]:
        """Every operation as its invocation and its completion (None while open), in the order of invocation.

        Completions without an invocation, such as marks of a nemesis, are in none.
        """
        types, completions = self.types(), self.column("completion")
        for row in range(len(self)):
            if types[row] == 0:
                completion = completions[row]
                yield self[row], None if completion < 0 else self[completion]

    def completion(self, row: int) -> int | None:
        """The row that completes the invocation in this row, if it was completed."""
        return self.core.completion(row)

    def invocation(self, row: int) -> int | None:
        """The row of the invocation that this row completes, if it completes one."""
        return self.core.invocation(row)

    def types(self) -> memoryview[int]:
        """The column `type`: 0 invoke, 1 ok, 2 fail, 3 info."""
        return self.column("type")

    def column(self, name: str) -> memoryview[int]:
        """A column of numbers, read-only, without a copy where the history has it as such.

        `time` (ns), `process`, `type`, `index`, and `completion` and `invocation`: rows, or -1 for none. All are
        signed 64-bit but `type`, which is unsigned 8-bit. numpy takes it as it is. Raises ValueError for another name.
        """
        return cast("memoryview[int]", memoryview(self.core.column(name)))

    def keys(self) -> list[str]:
        """The distinct keys, in order of first appearance."""
        return self.core.keys()

    def for_key(self, key: str) -> History:
        """The selection of one key's events."""
        return History(self.core.for_key(key))

    @property
    def has_tuples(self) -> bool:
        """Whether all values are tuples `[key, value]` of Jepsen's `independent`, beyond doubt.

        That is so when every client's operation is called with a list of two, and one of them with `[key, null]`. There
        must be no keys yet.
        """
        return self.core.has_tuples()

    def independent(self) -> History:
        """The same events with each tuple `[key, value]` taken apart into key and value.

        Raises `HistoryError` if a client's operation was called with anything else.
        """
        try:
            return History(self.core.untupled())
        except _core.MalformedHistory as error:
            message, line, *_ = error.args
            raise HistoryError(message if line is None else f"line {line}: {message}", line=line) from None

    def select(self, rows: Iterable[int]) -> History:
        """The history of these rows alone, strictly ascending; ValueError otherwise.

        Its rows count from 0 again, while `Operation.index` and the column `index` keep each event's index in the
        history it was taken from. An operation is a pair where both its events are selected.
        """
        return History(self.core.select(list(rows)))

    def problems(self, *, limit: int = PROBLEMS_MAX) -> list[Problem]:
        """What breaks the rules of histories, by event, at most `limit`, fatal ones first; empty for a good one.

        A process has at most one operation open, completes only what it invoked, and time does not go backwards.
        """
        return [Problem(event, message, line, fatal) for event, line, message, fatal in self.core.problems(limit)]

    def mended(self) -> tuple[History, list[int], list[int]]:
        """A selection that breaks no fatal rule: with it, the events left out, and the invocations left unanswered.

        A completion without an invocation is left out. Where a process invokes although its operation is open, nobody
        can tell which completion answers which: that operation, and all that the process invoked later, count as never
        answered, each under a process number of its own.
        """
        core, left_out, unanswered = self.core.mended()
        return History(core), left_out, unanswered

    def write(self, path: str | os.PathLike[str], format: str) -> None:
        """Writes a file of the format `arrow`, `jsonl`, `edn` or `csv`. Equal histories give equal bytes.

        Raises OSError, and ValueError for another format.
        """
        self.core.write(os.fspath(path), format)

    def text(self, format: str) -> Iterator[bytes]:
        """The bytes that `write` would write in a text format, in pieces."""
        yield self.core.header(format)
        for start in range(0, len(self), _ROWS_AT_ONCE):
            yield self.core.render(format, start, start + _ROWS_AT_ONCE)

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame with one row per event, indexed by its index.

        `type`, `f`, `key` and `node` are categorical; `value` and `error` are parsed, and equal ones are one object.
        """
        from harness.frame import data_frame

        return data_frame(self)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The columns for pyarrow, polars, duckdb and others, by the Arrow PyCapsule interface; no copy."""
        return self.core.__arrow_c_stream__(requested_schema)


def _place(name: str, line: int | None) -> str:
    return name if line is None else f"{name}:{line}"
