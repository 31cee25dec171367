"""Leftovers: tasks that come to an end by themselves, or do not: workers that are retired, clients that are being
closed.

Nobody waits for them while operations go on. When all is over they get a bounded time; whatever still runs then is
left behind and told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from harness.client import Client
from harness.errors import HarnessError

COUNT_MAX = 2_000
"""Leftovers at a time, beyond four per worker. A client that ignores cancellation leaves one at every time-out, and
each may hold a thread and a socket."""

_log = logging.getLogger("splitbrain")


class Leftovers:
    """Keeps track of them. `surprised(what, error)` is told what they raise, `fail(error)` when there are too many."""

    def __init__(
        self,
        *,
        workers: int,
        close_timeout_s: float,
        surprised: Callable[[str, BaseException], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self._close_timeout_s = close_timeout_s
        self._surprised = surprised
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[asyncio.Task[None], None] = {}  # a dict, for its order
        self._count_max = COUNT_MAX + 4 * workers

    def dispose(self, client: Client, name: str) -> None:
        """Closes a client in the background, within bounds."""
        if self._loop.is_closed():  # a call that was left behind is collected: too late for its client
            return
        self.keep(self._loop.create_task(self._close(client, name), name=f"closing {name}"))

    async def _close(self, client: Client, name: str) -> None:
        closing = self._loop.create_task(client.close(), name=f"close of {name}")
        await asyncio.wait((closing,), timeout=self._close_timeout_s)
        if not closing.done():
            closing.cancel()
        self.keep(closing)

    def keep(self, task: asyncio.Task[None]) -> None:
        """Takes on a task that should end soon."""
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        if len(self._tasks) > self._count_max:
            self._fail(
                HarnessError(
                    f"{len(self._tasks)} calls to clients hang, long after their deadlines: "
                    "a client has to end when it is cancelled, a blocking one by a time-out of its own"
                )
            )

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._surprised(task.get_name(), error)

    async def settle(self) -> int:
        """Waits for all of them, a bounded time. Returns how many had to be left behind."""
        end = self._loop.time() + 2 * self._close_timeout_s + 1  # a call gets to end, then its client to close
        try:
            while self._tasks and (left_s := end - self._loop.time()) > 0:
                await asyncio.wait(list(self._tasks), timeout=left_s)
        finally:
            for task in self._tasks:
                _disown(task)
        return len(self._tasks)


def _disown(task: asyncio.Task[None]) -> None:
    """Makes the loop forget a task that will not end, as whoever closes the loop would wait for it for ever."""
    _log.warning("%s has not come to an end: left behind", task.get_name())
    asyncio.tasks._unregister_task(task)
    cast("Any", task)._log_destroy_pending = False  # the loop may be closed before it is collected
