"""Processes that do tasks side by side, and never outlive whoever asked.

Why not `concurrent.futures`: there one worker that dies takes the pool with it, and nobody learns what it was doing; an
interruption waits for everything that is queued; and workers whose controller was killed wait for ever. Here each
worker has one task at a time on a line of its own, a socket:

- when the line ends, the controller knows which task was lost, and a new worker takes the place;
- when it ends, a worker knows that nobody waits any more, even in the middle of a task: it is interrupted as by Ctrl-C,
  so that a run takes its cluster down, then removes the folder that all workers share for temporary files, and ends;
- a worker is in a session of its own, so Ctrl-C reaches the controller alone, which decides.

Workers are started afresh, not forked: a child would inherit the threads of the core in whatever state they are. Their
hashes are not salted, so simulated runs depend on their plans alone.
"""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import SimpleQueue
from socket import socketpair
from types import TracebackType
from typing import Any, NoReturn, Self

from harness.clusters.linux.interruption import undisturbed
from harness.errors import HarnessError

CLEANUP_S = 60.0
"""How long an interrupted worker may take to take a cluster down before it is ended."""

GRACE_S = 2.0
"""How much longer the controller waits than the worker itself does."""


class WorkerDied(HarnessError):
    """A worker's process ended in the middle of a task; the message says how."""


@dataclass(frozen=True, slots=True)
class Done:
    """A finished task: the `tag` it was begun with, and its result, or the exception that ended it.

    `traceback` says where in the worker it was raised; empty otherwise.
    """

    tag: Any
    result: Any = None
    failure: Exception | None = None
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class _News:
    tag: Any
    what: Any


class Workers:
    """A context manager with up to `count` processes, each with one task at a time. Leaving it interrupts them, and
    waits until they have cleaned up, for `cleanup_s` at most. No process and no temporary file is left, however it is
    left. `hear` is called with a task's tag and what it tells while it lasts (within `done`).
    """

    def __init__(
        self, count: int, *, cleanup_s: float = CLEANUP_S, hear: Callable[[Any, Any], None] | None = None
    ) -> None:
        self._count = count
        self._hear = hear
        self._cleanup_s = cleanup_s
        self._team: list[_Worker] = []
        self._folder = Path()

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="splitbrain-workers-"))
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        with undisturbed():
            deadline = time.monotonic() + self._cleanup_s + GRACE_S
            for worker in self._team:
                worker.line.close()
            for worker in self._team:
                worker.end(deadline - time.monotonic())
            self._team.clear()
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def busy(self) -> int:
        """How many tasks are in hand."""
        return sum(worker.busy for worker in self._team)

    @property
    def free(self) -> int:
        """How many more could be begun at once."""
        return self._count - self.busy

    def begin(self, tag: Any, function: Callable[..., Any], *args: Any) -> None:
        """Hands a task to a free worker; only while one is `free`. A function of a module, and arguments and a result
        that can be pickled. Where somebody hears, the function is also given, last, with whom to tell how far it is."""
        worker = next((worker for worker in self._team if not worker.busy), None)
        if worker is None:
            worker = _Worker(self._folder, self._cleanup_s)
            self._team.append(worker)
        worker.begin(tag, function, args, told=self._hear is not None)

    def done(self, timeout_s: float | None = None) -> Iterator[Done]:
        """Waits until a task is finished or tells something, or so long, and yields those that are finished."""
        ready = wait([worker.line for worker in self._team if worker.busy], timeout_s)
        for worker in [worker for worker in self._team if worker.line in ready]:
            said = worker.receive()
            if not isinstance(said, Done):
                assert self._hear is not None, "only what is heard is told"
                self._hear(said.tag, said.what)
                continue
            if isinstance(said.failure, WorkerDied):
                self._team.remove(worker)
            yield said


class _Worker:
    """The controller's end of one process."""

    def __init__(self, folder: Path, cleanup_s: float) -> None:
        ours, theirs = socketpair()
        with theirs:
            number = theirs.fileno()
            path = [entry or os.curdir for entry in sys.path]
            # What it prints is no answer: it goes where messages go.
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    f"from harness.workers import serve; serve{number, str(folder), cleanup_s}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=[number],
                start_new_session=True,
                env={
                    **os.environ,
                    "TMPDIR": str(folder),
                    "PYTHONPATH": os.pathsep.join(path),
                    "PYTHONHASHSEED": "0",
                },
            )
        self.line = Connection(ours.detach())
        self.busy = False
        self._tag: Any = None

    def begin(self, tag: Any, function: Callable[..., Any], args: tuple[Any, ...], *, told: bool) -> None:
        """Gives it something to do. One that is dead already shows in `receive`."""
        self._tag, self.busy = tag, True
        with suppress(OSError):
            self.line.send((function, args, told))

    def receive(self) -> Done | _News:
        """What it says next of its task; waits for it."""
        try:
            said = self.line.recv()
        except (EOFError, OSError):
            self.busy = False
            self.line.close()
            return Done(self._tag, failure=WorkerDied(_end(self._process.wait())))
        if isinstance(said, _News):
            return _News(self._tag, said.what)
        self.busy = False
        return Done(self._tag, *said)

    def end(self, patience_s: float) -> None:
        """Waits until the process has ended, now that its line is closed, and kills it when the time is up."""
        try:
            self._process.wait(max(patience_s, 0.1))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _end(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code}"
    return f"its process was ended by {signal.Signals(-code).name}"


# The worker's end


def serve(number: int, folder: str, cleanup_s: float) -> NoReturn:
    """Does what comes over the socket of that number, until it ends. Never returns."""
    logging.disable(logging.WARNING)  # each concerns one task of hundreds, and is not what the task is asked for
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    line = Connection(number)
    calls: SimpleQueue[bytes] = SimpleQueue()
    try:
        threading.Thread(target=_listen, args=(line, calls, folder, cleanup_s), daemon=True).start()
        while True:
            line.send(_answer(calls.get(), line))
    except (KeyboardInterrupt, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)  # whatever it still held is undone; nobody reads what Python would say of it


def _answer(call: bytes, line: Connection) -> tuple[Any, Exception | None, str]:
    try:
        function, args, told = pickle.loads(call)
        tell = [lambda what: line.send(_News(None, what))] if told else []
        return function(*args, *tell), None, ""
    except Exception as failure:
        return None, failure, "".join(traceback.format_exception(failure)).rstrip()


def _listen(line: Connection, calls: SimpleQueue[bytes], folder: str, cleanup_s: float) -> None:
    try:
        while True:
            calls.put(line.recv_bytes())
    except (EOFError, OSError):
        # To the thread that works: one that waits in a system call would not notice a signal that another took.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(cleanup_s)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)
