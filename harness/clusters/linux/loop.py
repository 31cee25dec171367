"""The event loop of a cluster in real time, after which nothing of the cluster is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from harness.clusters.linux.interruption import termination_as_interrupt, undisturbed

T = TypeVar("T")


def run(main: Callable[[], Awaitable[T]], remove: Callable[[], None], *, threads: int) -> T:
    """Runs `main` on uvloop, with so many threads for blocking work. Ctrl-C and SIGTERM cancel it and are raised as
    KeyboardInterrupt afterwards; a second one does not wait for `main`. Either way, `remove` has been called before
    this returns."""
    import uvloop

    async def with_threads() -> T:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=threads))
        return await main()

    with termination_as_interrupt():
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(with_threads())
        finally:
            with undisturbed():
                remove()
