"""Virtual time: an asyncio loop whose clock is a number, and which jumps to the next timer when nothing is ready.

Why not `asyncio.BaseEventLoop` with a fake selector, the usual trick: its time is a float, it pays for a selector and a
debug check on every turn, and it has one running loop for everybody. Here each simulated node has a loop of its own
(`harness.clusters.sim.gate`), a view on this one, so that whatever node code awaits is woken through that node's gate.
The price is this file: the part of the loop interface that has to do with tasks and time, and nothing that has to do
with sockets, threads or child processes, which virtual time could not cover.

Order is fixed: time in integer nanoseconds, then the order of scheduling; what a callback makes ready runs before the
next timer, even one of the same nanosecond. Heap entries are `(when_ns, sequence, function, args)`; the sequence is
unique, so functions are never compared.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import logging
import signal
import sys
import traceback
import weakref
from asyncio.events import _get_running_loop, _set_running_loop
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from itertools import count
from types import FrameType
from typing import Any, NoReturn, TypeVar, TypeVarTuple, Unpack, cast

from harness.clusters.sim.timer import Timer
from harness.errors import HarnessError, Unsupported

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SECOND_NS = 1_000_000_000

SPINS_MAX = 1_000_000
"""Callbacks in one instant of virtual time before the simulation counts as stuck."""

_log = logging.getLogger(__name__)

Entry = tuple[int, int, Callable[..., object], tuple[Any, ...]]


class VirtualLoop(asyncio.AbstractEventLoop):
    """What the simulator's own loop and the loops of its nodes have in common: everything but running."""

    root: SimLoop
    """The loop that owns the time."""

    ready: deque[Timer]
    heap: list[Entry]

    held: deque[Timer] | None = None
    """Where wake-ups go instead of running; None lets them pass."""

    def exit(self, error: SystemExit) -> None:
        """Code on this loop asked to exit."""
        raise error

    # Time and callbacks

    def time(self) -> float:
        """Virtual seconds. For exact arithmetic use `root.now_ns`."""
        return self.root.now_ns / SECOND_NS

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> Timer:
        timer = Timer(callback, args, self, context)
        self.ready.append(timer)
        return timer

    call_soon_threadsafe = call_soon
    """There are no other threads in a simulation."""

    def call_at_ns(
        self,
        when_ns: int,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> Timer:
        """`call_at` in integer nanoseconds. A time that has passed means now."""
        root = self.root
        if when_ns < root.now_ns:
            when_ns = root.now_ns
        timer = Timer(callback, args, self, context)
        timer._when = when_ns / SECOND_NS
        heapq.heappush(self.heap, (when_ns, root.sequence(), timer.fire, ()))
        return timer

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> Timer:
        return self.call_at_ns(self.root.now_ns + round(delay * SECOND_NS), callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> Timer:
        return self.call_at_ns(round(when * SECOND_NS), callback, *args, context=context)

    # Futures and tasks

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        # A default name would carry a number that counts the tasks of the whole process, which no two runs share.
        return asyncio.Task(coro, loop=self, name=name or "task", context=context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self.root.running

    def is_closed(self) -> bool:
        return self.root.closed

    # What virtual time cannot cover

    def run_in_executor(self, executor: Any, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> NoReturn:
        """Refused: a thread runs on real time, so two runs of one seed would differ."""
        raise Unsupported(
            "the simulator has no threads, so blocking clients and stores cannot run in it;"
            " use an async client or --cluster docker"
        )

    async def shutdown_default_executor(self) -> None:
        return


class SimLoop(VirtualLoop):
    """The one loop that runs, and the controller's own. Time starts at 0."""

    def __init__(self) -> None:
        self.root = self
        self.ready = deque()
        self.heap = []
        self.now_ns = 0
        self.sequence = count().__next__
        self.active: VirtualLoop = self
        self.running = False
        self.closed = False
        self._handler: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None = None
        self._generators: weakref.WeakSet[AsyncGenerator[Any, Any]] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"<SimLoop at {self.now_ns / SECOND_NS} s>"

    def post(self, when_ns: int, function: Callable[..., object], *args: Any) -> None:
        """Schedules plain simulator work: no handle, no context, no gate. `function` must not raise."""
        heapq.heappush(self.heap, (when_ns, self.sequence(), function, args))

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        """Runs until the future is done. Raises `HarnessError` when nothing is left that could complete it, or when
        time stands still."""
        if self.closed or self.running or _get_running_loop() is not None:
            raise RuntimeError("this loop is closed, or a loop is running already")
        main: asyncio.Future[T] = asyncio.ensure_future(cast(Awaitable[T], future), loop=self)
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=self._generators.add, finalizer=self._finalize_generator)
        self.running = True
        self.active = self
        _set_running_loop(self)
        try:
            self._turn(main)
        finally:
            self.running = False
            _set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)
        return main.result()

    def _turn(self, main: asyncio.Future[Any]) -> None:
        ready, heap, pop = self.ready, self.heap, heapq.heappop
        take = ready.popleft
        spins = 0
        while True:
            while ready:
                timer = take()
                timer.fire()
                spins += 1
                if spins > SPINS_MAX:
                    raise HarnessError(
                        f"{SPINS_MAX:,} callbacks ran at {self.time()} s of virtual time without it moving on;"
                        f" the last was {timer!r}"
                    )
            if main.done():
                return
            if not heap:
                raise HarnessError(
                    f"the simulation stands still at {self.time()} s: the run waits for something,"
                    " and nothing is scheduled that could happen"
                )
            when_ns, _, function, args = pop(heap)
            if when_ns != self.now_ns:
                self.now_ns = when_ns
                spins = 0
            spins += 1
            function(*args)

    def stop(self) -> None:
        raise Unsupported("a simulation ends with its main coroutine")

    def close(self) -> None:
        """Forgets everything scheduled. Idempotent."""
        self.closed = True
        self.ready.clear()
        self.heap.clear()

    # Errors nobody waits for

    def set_exception_handler(
        self, handler: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None
    ) -> None:
        self._handler = handler

    def get_exception_handler(self) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None:
        return self._handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Reports an exception that no task will ever see: a defect of the harness, so it goes to the log with its
        traceback."""
        if self._handler is not None:
            self._handler(self, context)
        else:
            self.default_exception_handler(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        _log.error("%s", describe(context))

    # Asynchronous generators

    def _finalize_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        # One that node code dropped closes on that node's loop; one of a killed node never wakes again.
        if self.active.held is None:
            self.active.create_task(generator.aclose())

    async def shutdown_asyncgens(self) -> None:
        for generator in sorted(self._generators, key=repr):
            await generator.aclose()

    # Signals

    def add_signal_handler(self, sig: int, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        def handle(_number: int, _frame: FrameType | None) -> None:
            self.call_soon(callback, *args)

        signal.signal(sig, handle)

    def remove_signal_handler(self, sig: int) -> bool:
        default = signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL
        return signal.signal(sig, default) is not default


def describe(context: dict[str, Any]) -> str:
    """The text of what a loop's exception handler was told, with the traceback."""
    error = context.get("exception")
    lines = [str(context.get("message", "unhandled exception"))]
    if error is not None:
        lines.append("".join(traceback.format_exception(error)).rstrip())
    return "\n".join(lines)
