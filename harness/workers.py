"""Processes that do tasks side by side, and never outlive whoever asked.

`concurrent.futures` has the pool, but not the two things a harness needs of one: a worker that dies (out of memory, a
crash in a plugin's extension) loses the pool and everything in it, and its workers neither end with a controller that
was killed nor pass an interruption on to a run with a cluster to take down. So each worker is a process of its own
behind a pipe: what dies costs its own task, the end of the pipe tells of the end of the other side, and an interrupted
worker undoes what it made before it ends. Processes are spawned, not forked: a fork would inherit the threads of the
core in whatever state they are.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self

from harness.errors import HarnessError, SplitbrainError

CLEANUP_S_MAX = 60.0
"""How long an interrupted worker may take to undo what it made before it is killed."""

_PR_SET_PDEATHSIG = 1


class WorkerDied(HarnessError):
    """A worker ended in the middle of a task; the message says how."""


@dataclass(frozen=True, slots=True)
class Done:
    """A finished task: what it was given for `tag`, and its result, or the exception that ended it."""

    tag: Any
    result: Any = None
    failure: BaseException | None = None


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    tags: list[Any] = field(default_factory=list)
    """The tag of the task in hand, if there is one."""


class Workers:
    """A context manager with up to `count` processes, each with one task at a time. Leaving it early interrupts them.

    Functions and arguments must be picklable, the functions by name.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.pipe.close()
            if worker.tags and worker.process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(worker.process.pid, signal.SIGTERM)
        for worker in self._workers:
            worker.process.join(CLEANUP_S_MAX)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()

    @property
    def free(self) -> int:
        """How many tasks could be begun at once."""
        return self._count - self.busy

    @property
    def busy(self) -> int:
        """How many tasks are in hand."""
        return sum(bool(worker.tags) for worker in self._workers)

    def begin(self, tag: Any, function: Callable[..., Any], *args: Any) -> None:
        """Hands a task to a free worker. Only while `free`."""
        worker = next((worker for worker in self._workers if not worker.tags), None) or self._start()
        worker.tags.append(tag)
        with suppress(OSError):  # it died meanwhile: `done` finds the end of its pipe, and says so
            worker.pipe.send((function, args))

    def done(self, timeout_s: float | None = None) -> Iterator[Done]:
        """Waits until a task is finished, or so long, and yields all that are."""
        ready = wait([worker.pipe for worker in self._workers if worker.tags], timeout_s)
        for worker in [worker for worker in self._workers if worker.pipe in ready]:
            tag = worker.tags.pop()
            try:
                result, failure = worker.pipe.recv()
            except (EOFError, OSError):
                self._workers.remove(worker)
                result, failure = None, _death(worker)
            yield Done(tag, result, failure)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, os.getpid()), daemon=False)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker


def _death(worker: _Worker) -> WorkerDied:
    worker.pipe.close()
    worker.process.join(CLEANUP_S_MAX)
    code = worker.process.exitcode
    how = f"was ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with code {code}"
    return WorkerDied(f"a worker process {how} in the middle of a run")


def _work(pipe: Connection, parent: int) -> None:
    """The life of a worker: tasks until the other side is gone."""
    os.setsid()  # Ctrl-C reaches the controller alone, which passes it on once: a second one would end the cleaning up
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)
    if os.getppid() != parent:
        return
    try:
        while True:
            function, args = pipe.recv()
            pipe.send(_answer(function, args))
    except (EOFError, OSError, KeyboardInterrupt):
        sys.exit(0)


def _answer(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    try:
        return function(*args), None
    except SplitbrainError as failure:
        return None, failure
    except Exception as failure:
        return None, HarnessError(f"{type(failure).__name__}: {failure}\n{traceback.format_exc()}")


def _interrupt(_signal: int, _frame: object) -> None:
    """As Ctrl-C would, which event loops know how to end on; once, so that the cleaning up is not ended by another."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGINT)
