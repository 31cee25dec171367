"""Blocking clients on threads of their own, seen from the event loop as asynchronous ones.

One thread per client, not a pool: a library that hangs for good costs its own thread and nobody else's, and a client
that is not safe to share between threads is never shared. The threads are daemons, so that one stuck in a system call
cannot keep a finished run alive; `concurrent.futures` would wait for it at exit.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from harness.client import SyncClient
from harness.operation import Operation

_Job = tuple["asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]


class ThreadedClient:
    """A `Client` made of a `SyncClient`: every method runs, one at a time and in order, on one thread.

    When a call is cancelled the loop goes on at once, and the thread when the call returns: what it returns is
    dropped. A `close` that comes meanwhile waits its turn on the thread, so the library never sees two calls at a
    time.
    """

    def __init__(self, client: SyncClient, name: str) -> None:
        self._client = client
        self._opened = False
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    async def open(self) -> None:
        """Starts the thread and opens the client on it. If nobody waits for that any more when it succeeds, it is
        closed again."""
        self._thread.start()
        try:
            await self._call(self._open)
        except BaseException:
            self._dismiss()
            raise

    async def invoke(self, op: Operation) -> Operation:
        """The client's `invoke`."""
        done: Operation = await self._call(self._client.invoke, op)
        return done

    async def close(self) -> None:
        """Closes the client, then ends the thread."""
        await self._dismiss()

    def _dismiss(self) -> asyncio.Future[Any]:
        closed = self._call(self._close)
        self._jobs.put(None)
        return closed

    def _call(self, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        self._jobs.put((future, function, args))
        return future

    # On the thread

    def _open(self) -> None:
        self._client.open()
        self._opened = True

    def _close(self) -> None:
        if self._opened:
            self._client.close()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, function, args = job
            try:
                self._report(future, function(*args), None)
            except Exception as error:
                self._report(future, None, error)

    def _report(self, future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        try:
            self._loop.call_soon_threadsafe(_settle, future, result, error)
        except RuntimeError:
            # The loop is closed: the run is over, and this call outlived it. Nobody is left to tell.
            if not self._loop.is_closed():
                raise


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):  # the one exception that a future refuses to carry
        future.set_exception(RuntimeError(f"StopIteration: {error}"))
    else:
        future.set_exception(error)
