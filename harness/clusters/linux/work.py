"""Blocking work in an asynchronous program that may be cancelled at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(work: Callable[[], T], *, hurry: Callable[[], None] | None = None) -> T:
    """Runs blocking work on a thread. A thread cannot be cancelled, so whoever is cancelled here is told only when the
    work is done: locks that are held meanwhile stay held, and nothing is made behind the back of whoever cleans up
    next.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as request:
            cancelled = request
            if hurry is not None:
                hurry()
    if cancelled is not None:
        running.exception()  # retrieved: who cancelled does not want it
        raise cancelled
    return running.result()
