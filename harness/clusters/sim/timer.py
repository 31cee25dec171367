"""A callback that is due on one of the simulator's loops, and the place where that loop's gate stands in its way."""

from __future__ import annotations

import asyncio
import contextvars
from asyncio.events import _set_running_loop
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.clusters.sim.loop import VirtualLoop


class Timer(asyncio.TimerHandle):
    """One scheduled callback, for both kinds of scheduling. Cancelled ones stay queued, emptied."""

    __slots__ = ()

    _callback: Callable[..., object] | None
    _args: tuple[Any, ...]
    _context: contextvars.Context
    _loop: VirtualLoop
    _when: float

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: VirtualLoop,
        context: contextvars.Context | None,
    ) -> None:
        self._callback = callback
        self._args = args
        self._loop = loop
        self._context = contextvars.copy_context() if context is None else context

    def cancel(self) -> None:
        self._callback = None
        self._args = ()

    def cancelled(self) -> bool:
        return self._callback is None

    def fire(self) -> None:
        """Runs the callback on its own loop, unless that loop's gate holds it."""
        callback = self._callback
        if callback is None:
            return
        loop = self._loop
        if loop.held is not None:
            loop.held.append(self)
            return
        root = loop.root
        if root.active is not loop:
            root.active = loop
            _set_running_loop(loop)
        try:
            self._context.run(callback, *self._args)
        except KeyboardInterrupt:
            raise
        except SystemExit as error:
            loop.exit(error)
        except BaseException as error:
            loop.call_exception_handler({"message": f"exception in {callback!r}", "exception": error})

    def __repr__(self) -> str:
        return f"<Timer {self._callback!r} on {self._loop!r}>"
