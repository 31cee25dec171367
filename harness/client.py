"""The client contract: how a workload talks to one node of a target, and what it may say about an operation.

The one rule that matters: an error that leaves open whether the operation took effect is `Indeterminate`, never
`Failed`. Reporting a time-out as a failure is the commonest way to blame an innocent store. So every exception that is
not `Failed`, and every time-out, counts as indeterminate.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from harness.operation import Operation


class Failed(Exception):
    """The operation certainly did not happen. `error` is a JSON value kept in the history.

    A compare-and-set that was refused reports the value it found as `{"current": value}`: checkers then use it as a
    read.
    """

    def __init__(self, error: Any) -> None:
        super().__init__(error)
        self.error = error


class Indeterminate(Exception):
    """Nobody knows whether the operation happened. `error` is a JSON value kept in the history."""

    def __init__(self, error: Any) -> None:
        super().__init__(error)
        self.error = error


@runtime_checkable
class Client(Protocol):
    """An asynchronous client, bound to one node. The interpreter opens one per process and closes it after `info`."""

    async def open(self) -> None:
        """Connects. An exception makes the pending operation `fail` (nothing was sent) and the next one tries again."""

    async def invoke(self, op: Operation) -> Operation:
        """Performs `op` and returns it completed (`op.ok(value)`), or raises `Failed` or `Indeterminate`."""
        ...

    async def close(self) -> None:
        """Lets go of everything. Called exactly once per successful `open`."""


@runtime_checkable
class SyncClient(Protocol):
    """The same for a blocking library: each method runs on a thread that belongs to the worker."""

    def open(self) -> None: ...

    def invoke(self, op: Operation) -> Operation: ...

    def close(self) -> None: ...
