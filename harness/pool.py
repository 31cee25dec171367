"""Processes that do independent tasks side by side, and that nothing of outlives the one that asked.

Why not `concurrent.futures`: there one worker that dies takes the pool with it, and nobody learns what it was doing;
an interruption waits for everything that is queued; and workers whose controller was killed wait for ever. Here each
worker has one task at a time on a line of its own, a socket:

- when the line ends, the controller knows which task was lost, and puts a new worker in the place;
- when it ends, a worker knows that nobody waits any more, even in the middle of a task: it removes the folder that all
  workers share for temporary files, and ends;
- a worker is in a session of its own, so Ctrl-C reaches the controller alone, which decides.

Workers are started afresh, not forked: a child would inherit the threads of the core in whatever state they are.
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
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import SimpleQueue
from socket import socketpair
from typing import Any, NoReturn

from harness.clusters.linux.interruption import undisturbed
from harness.errors import HarnessError

LOST_MAX = 5
"""Workers that may die under tasks until it is no accident: what kills them would kill all others."""

REMOVALS_MAX = 100
"""How often a worker without a controller tries to remove the folder."""


@dataclass(frozen=True, slots=True)
class Task:
    """A call of a function of a module, with arguments that can be pickled, as its result must be. `name` is for
    people."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """A task that gave no result: its function raised, or its process died. `why` is a sentence; `traceback` is empty
    unless it raised."""

    name: str
    why: str
    traceback: str = ""


def perform(tasks: Iterable[Task], workers: int) -> Generator[Any, None, None]:
    """The results, or `Lost` in their place, as they come. Tasks begin in their order.

    However it ends, closed or interrupted, no process and no temporary file is left. Raises `HarnessError` when workers
    keep dying.
    """
    waiting = deque(tasks)
    deaths = 0
    folder = Path(tempfile.mkdtemp(prefix="splitbrain-pool-"))
    team: dict[Connection, _Worker] = {}
    try:
        while waiting or team:
            while waiting and len(team) < workers:
                worker = _Worker(folder)
                team[worker.line] = worker
                worker.begin(waiting.popleft())
            for line in wait(list(team)):
                worker = team[line]  # type: ignore[index]  # it gives back what it was given
                result = worker.result()
                if worker.died:
                    del team[worker.line]
                    deaths += 1
                elif waiting:
                    worker.begin(waiting.popleft())
                else:
                    del team[worker.line]
                    worker.end()
                yield result
                if deaths > LOST_MAX:
                    raise HarnessError(f"{deaths} worker processes died, the last in {result.name}: {result.why}")
    finally:
        with undisturbed():
            for worker in team.values():
                worker.end()
            shutil.rmtree(folder, ignore_errors=True)


class _Worker:
    """The controller's end of one process."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = socketpair()
        with theirs:
            number = theirs.fileno()
            path = [entry or os.curdir for entry in sys.path]
            # What it prints is no answer: it goes where messages go.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", f"from harness.pool import serve; serve({number}, {str(folder)!r})"],
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=[number],
                start_new_session=True,
                env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(path)},
            )
        self.line = Connection(ours.detach())
        self.died = False
        self._task: Task | None = None

    def begin(self, task: Task) -> None:
        """Gives it something to do. One that is dead already shows in `result`."""
        self._task = task
        with suppress(OSError):
            self.line.send((task.function, task.args))

    def result(self) -> Any:
        """What became of the task; waits for it."""
        assert self._task is not None, "nobody asks one who has nothing to do"
        try:
            fine, value = self.line.recv()
        except (EOFError, OSError):
            self.died = True
            self.line.close()
            return Lost(self._task.name, _end(self._process.wait()))
        return value if fine else Lost(self._task.name, *value)

    def end(self) -> None:
        """Ends the process at once, whatever it does."""
        self._process.kill()
        self._process.wait()
        self.line.close()


def _end(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code}"
    return f"its process was ended by {signal.Signals(-code).name}"


# The worker's end


def serve(number: int, folder: str) -> NoReturn:
    """Does what comes over the socket of that number, until it ends. Never returns."""
    logging.disable(logging.WARNING)  # each concerns one task of hundreds, and is not what the task is asked for
    line = Connection(number)
    calls: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(line, calls, Path(folder)), daemon=True).start()
    answer: tuple[bool, Any]
    while True:
        try:
            function, args = pickle.loads(calls.get())
            answer = True, function(*args)
        except Exception as problem:
            why = f"it raised {type(problem).__name__}: {problem}"
            answer = False, (why, "".join(traceback.format_exception(problem)).rstrip())
        line.send(answer)


def _listen(line: Connection, calls: SimpleQueue[bytes], folder: Path) -> None:
    try:
        while True:
            calls.put(line.recv_bytes())
    except (EOFError, OSError):
        for _ in range(REMOVALS_MAX):  # the other thread may still be writing there
            if folder.exists():
                shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)
