"""Everything that can go wrong, in one tree.

    SplitbrainError
    ├── UsageError            the user asked for something that cannot be: exit code 2
    │   ├── PlanError         a plan or claims file is wrong at a line
    │   ├── HistoryError      a history file cannot be read or is not a history
    │   ├── UnknownName       no target, workload, nemesis, ... of that name is installed
    │   └── Unsupported       a cluster cannot do what the plan asks of it
    └── HarnessError          splitbrain or its surroundings failed: exit code 4
        ├── ClusterError      a cluster could not be made, reached or removed
        ├── NodeError         a node crashed or never came up
        └── RecordingError    the history could not be written

A broken promise is never an exception: it is a `Result` with the verdict `fail`. What a client raises about one
operation (`Failed`, `Indeterminate`) lives in `harness.client`.
"""

from __future__ import annotations


class SplitbrainError(Exception):
    """Root of the tree. The message is shown to the user as it is: one sentence, with what to do about it."""

    exit_code = 4


class UsageError(SplitbrainError):
    """The request itself is wrong. Nothing was started."""

    exit_code = 2


class PlanError(UsageError):
    """A plan, claims or hosts file is malformed.

    `file` and `line` (1-based) say where; both are None when the value came from the command line.
    """

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(where + message)
        self.file = file
        self.line = line


class HistoryError(UsageError):
    """A history file is truncated beyond use, is garbage, or breaks the rules of a history or of the model.

    `event` is the index of the event that breaks it and `line` its 1-based line, where they are known; `unknown_f`
    says that no operation of that event's function could be one of the model.
    """

    def __init__(
        self, message: str, *, event: int | None = None, line: int | None = None, unknown_f: bool = False
    ) -> None:
        super().__init__(message)
        self.event = event
        self.line = line
        self.unknown_f = unknown_f


class UnknownName(UsageError):
    """No plugin of this kind goes by this name."""


class Unsupported(UsageError):
    """The cluster, kernel or target lacks what the plan asks for; the message names what is missing."""


class HarnessError(SplitbrainError):
    """splitbrain, or the machine under it, failed. It says nothing about the target's promises."""


class ClusterError(HarnessError):
    """A cluster could not be created, reached or removed."""


class NodeError(HarnessError):
    """A node died at start or never became ready; the message carries the last lines of its log."""


class RecordingError(HarnessError):
    """The history could not be written, for example because the disk is full. What was flushed stays readable."""
