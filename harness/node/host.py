"""What a node asks of whoever runs it: the simulator, the TCP runner or the Maelstrom runner. Each implements these
four.

Times are integer nanoseconds, durations that a person writes are seconds. Bodies are JSON objects; a host never lets
two nodes share one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Body = dict[str, Any]
"""A message's body, `{"type": ..., "msg_id": n?, "in_reply_to": n?, ...}` as in Maelstrom's protocol."""


class Clock(Protocol):
    """The node's two clocks. Only `wall` can be wrong; a store that needs durations uses `monotonic`."""

    def wall(self) -> int:
        """Nanoseconds since 1970 as this node believes; a clock fault moves it either way."""
        ...

    def monotonic(self) -> int:
        """Nanoseconds since some fixed moment; never set back."""
        ...


class Disk(Protocol):
    """A flat folder of files that outlive the process. Names are letters, digits, `.`, `_` and `-`, not starting with a
    dot.

    Only what a finished `sync(name)` covered is sure to be there after a crash. Of what came later on that file
    nothing, all, or a first part may survive (of an append or a write even some of its bytes), in the order it was
    written; other files are independent. OSError as the disk gives it.
    """

    def write(self, name: str, data: bytes) -> None:
        """Replaces the whole content. Until it is synced a crash may leave neither the old nor the new: what must not
        be lost is written beside, synced, and renamed."""

    def append(self, name: str, data: bytes) -> None:
        """Adds to the end, creating the file when absent."""

    def truncate(self, name: str, size: int) -> None:
        """Cuts the file to its first `size` bytes. FileNotFoundError when absent."""

    def rename(self, name: str, new: str) -> None:
        """Gives a file another name, in place of whatever has that one. A crash leaves the one or the other under it,
        and until a sync of either name nobody knows which. FileNotFoundError when absent."""

    def sync(self, name: str) -> Awaitable[None]:
        """Returns once everything done to this file before the call, its name included, will survive a crash."""
        ...

    def read(self, name: str) -> bytes | None:
        """The whole content, synced or not; None when there is no such file."""
        ...

    def delete(self, name: str) -> None:
        """Removes the file; absent is fine."""

    def names(self) -> list[str]:
        """All files, sorted."""
        ...


class TimerHandle(Protocol):
    """A pending timer."""

    def cancel(self) -> None: ...


class Host(Protocol):
    """One incarnation's surroundings. `random` is seeded per node and incarnation where runs must repeat."""

    name: str
    nodes: tuple[str, ...]
    clock: Clock
    disk: Disk
    random: random.Random

    def send(self, dest: str, body: Body) -> None:
        """Hands a message to the network, which may lose it; the body is the caller's again at once."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> TimerHandle:
        """Calls back once, `seconds` of monotonic time from now."""
        ...

    def run(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Makes a task of a message's handler; its first step may run before this returns. Never called from within a
        task."""
        ...

    def log(self, text: str) -> None:
        """Adds to the node's log."""
