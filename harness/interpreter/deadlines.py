"""A deadline for every operation, for the price of a dict entry.

A timer per operation would be a heap push, a cancellation and a callback object each, for something that almost never
fires. But all operations of a kind have the same time-out, so the order in which they start is the order in which they
expire: a dict in order of insertion is the queue, and one timer watches its first entry. It rings at most once per
time-out while all goes well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """Calls `expire(key)` for each key that was started and not stopped within `timeout_ns`; `expire` must stop it."""

    def __init__(
        self,
        timeout_ns: int,
        *,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], int],
        expire: Callable[[K], None],
    ) -> None:
        self.timeout_ns = timeout_ns
        self._loop = loop
        self._now = now
        self._expire = expire
        self._open: dict[K, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self, key: K, time: int) -> None:
        """Gives `key` until `time + timeout_ns`. Times must not go backwards from call to call."""
        self._open[key] = time
        if self._timer is None:
            self._set(self.timeout_ns)

    def stop(self, key: K) -> None:
        """It made it."""
        del self._open[key]

    def close(self) -> None:
        """Forgets all deadlines."""
        self._open.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, delay_ns: int) -> None:
        self._timer = self._loop.call_later(delay_ns / 1e9, self._ring)

    def _ring(self) -> None:
        self._timer = None
        while self._open:
            key, time = next(iter(self._open.items()))
            left_ns = time + self.timeout_ns - self._now()
            if left_ns > 0:
                self._set(left_ns)
                return
            self._expire(key)
