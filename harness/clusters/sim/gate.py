"""The gate: a node's own event loop, through which every wake-up of its code passes.

Tasks, futures, sleeps and timers all come back through the loop they were made on. Giving each incarnation of a node
its own loop, a view on the simulator's, therefore gates all of them at once, whatever the store awaits; a wrapper round
coroutines would miss futures, and a check in `Node` would miss `asyncio.sleep`.

    open     wake-ups run
    paused   they queue up in the order they came due, and run when the node resumes
    dead     they are thrown away, for ever

The code of a dead node still has to be taken apart, since Python would otherwise do it at the whim of the garbage
collector: `finally` blocks run once, at the moment of the kill, on a loop that drops whatever they schedule, on a host
that no longer sends, writes or logs.
"""

from __future__ import annotations

import asyncio
import contextvars
from asyncio.events import _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

from harness.clusters.sim.loop import SimLoop, VirtualLoop, describe

T = TypeVar("T")

CLOSES_MAX = 100
"""How often a coroutine may refuse to be closed before it is left as it is."""

_unclosable: list[Any] = []
"""Coroutines that refused, kept so that the garbage collector does not wake them."""


class NodeLoop(VirtualLoop):
    """The loop of one incarnation of a node. `log` takes the text of exceptions nobody waited for; `exit` is told when
    code exits."""

    def __init__(self, root: SimLoop, name: str, *, log: Callable[[str], None], exited: Callable[[str], None]) -> None:
        self.root = root
        self.ready = root.ready
        self.heap = root.heap
        self.name = name
        self.context = contextvars.Context()
        self._log = log
        self._exited = exited

    def __repr__(self) -> str:
        return f"<NodeLoop {self.name}>"

    def enter(self, function: Callable[..., object], *args: Any) -> None:
        """Runs a message's delivery on this loop; exceptions end in the node's log. The gate must be open."""
        root = self.root
        if root.active is not self:
            root.active = self
            _set_running_loop(self)
        try:
            self.context.run(function, *args)
        except KeyboardInterrupt:
            raise
        except SystemExit as error:
            self.exit(error)
        except BaseException as error:
            self.call_exception_handler({"message": f"exception in {function!r}", "exception": error})

    def run_now(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Makes a task and takes its first step at once, which most handlers never go beyond. Not from within a
        task."""
        task = asyncio.Task(coroutine, loop=self, name="task")
        self.ready.pop().fire()  # a new task has just queued its first step, as the last one
        return task

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        task = super().create_task(coro, name=name, context=context)
        if self.ready is not self.root.ready:
            coro.close()  # dead: never started, so closing it runs nothing
        return task

    def pause(self) -> None:
        """Closes the gate."""
        self.held = deque()

    def resume(self) -> int:
        """Opens the gate; what waited runs now, in order. Returns how many that were."""
        held, self.held = self.held or (), None
        self.ready.extend(held)
        return len(held)

    def shut(self) -> None:
        """Closes the gate for ever. What is queued elsewhere finds it shut; what would be queued from now on is
        dropped."""
        self.held = deque(maxlen=0)
        self.ready = deque(maxlen=0)
        self.heap = []

    def kill(self) -> None:
        """Shuts the gate, and takes apart what was running."""
        self.shut()
        root = self.root
        before, root.active = root.active, self
        running = asyncio.events._get_running_loop()
        _set_running_loop(self)
        try:
            for task in sorted(asyncio.all_tasks(self), key=_name):
                _close(task.get_coro())
        finally:
            root.active = before
            _set_running_loop(running)
        self.heap = []

    def exit(self, error: SystemExit) -> None:
        self._exited(f"the node exits: {error.code!r}")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self.ready is self.root.ready:
            self._log(describe(context))


def _name(task: asyncio.Task[Any]) -> str:
    return getattr(task.get_coro(), "__qualname__", "")


def _close(coroutine: Any) -> None:
    """Ends a coroutine. Its exceptions are those of a process that is already gone, so nobody hears them."""
    for _ in range(CLOSES_MAX):
        try:
            coroutine.close()
        except BaseException:
            continue
        return
    _unclosable.append(coroutine)
