"""Judging in a process beside the server: a run again, or the beginning of one that is still going on.

A checker may take a minute and gigabytes, and a plan names plugins, which are code: neither belongs into a process
that answers requests. One task runs at a time; the process ends when it was idle for a while, and with the server.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness import _core
from harness import plan as plans
from harness.errors import UsageError
from harness.history import History
from harness.run import conclude
from harness.runs import RunFolder
from harness.watch import Standing
from harness.workers import Workers
from reports.serve.store import RunName

AGAIN_S_MAX = 1800.0
SO_FAR_S_MAX = 60.0
IDLE_S_MAX = 20.0
WAITING_MAX = 20
_JOBS_KEPT = 500


@dataclass(frozen=True, slots=True)
class Job:
    """One task: `state` is `waiting`, `judging`, `done` or `failed`; `result` what came of it, or why nothing did."""

    kind: str
    name: RunName
    function: Callable[[RunFolder], Any]
    folder: RunFolder
    s_max: float
    state: str = "waiting"
    result: Any = None
    ended_s: float = 0.0

    @property
    def open(self) -> bool:
        """Whether it is still to end."""
        return self.state in ("waiting", "judging")


class Judge:
    """Does tasks one after another. `close` interrupts the one in hand, and waits for its process to end."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, RunName], Job] = {}
        self._queue: deque[tuple[str, RunName]] = deque()
        self._change = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._keep, name="judge", daemon=True)
        self._thread.start()

    def again(self, name: RunName, folder: RunFolder) -> Job:
        """Judges a finished run again and keeps what comes of it. Raises `UsageError` when too much is waiting."""
        return self._ask(Job("again", name, _again, folder, AGAIN_S_MAX))

    def so_far(self, name: RunName, folder: RunFolder, every_s: float = 5.0) -> Job:
        """How a run's claims stand already. Asked again, the same answer for so long."""
        job = self.job("so-far", name)
        if job and (job.open or time.monotonic() - job.ended_s < every_s):
            return job
        result = job.result if job and job.state == "done" else None
        return self._ask(Job("so-far", name, _so_far, folder, SO_FAR_S_MAX, result=result))

    def job(self, kind: str, name: RunName) -> Job | None:
        """The last task of that kind with that run."""
        with self._change:
            return self._jobs.get((kind, name))

    def close(self) -> None:
        """Ends what is in hand, and takes on nothing more."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        self._thread.join()

    def _ask(self, job: Job) -> Job:
        key = job.kind, job.name
        with self._change:
            there = self._jobs.get(key)
            if there and there.open:
                return there
            if len(self._queue) >= WAITING_MAX:
                raise UsageError(f"{WAITING_MAX} runs are waiting to be judged already: try again when they are done")
            while len(self._jobs) >= _JOBS_KEPT:
                del self._jobs[next(known for known, one in self._jobs.items() if not one.open)]
            self._jobs.pop(key, None)
            self._jobs[key] = job
            self._queue.append(key)
            self._change.notify_all()
        return job

    def _next(self, timeout_s: float | None) -> tuple[str, RunName] | None:
        with self._change:
            self._change.wait_for(lambda: self._queue or self._closed, timeout_s)
            return self._queue.popleft() if self._queue and not self._closed else None

    def _note(self, key: tuple[str, RunName], **changes: Any) -> Job:
        with self._change:
            self._jobs[key] = replace(self._jobs[key], **changes)
            return self._jobs[key]

    def _keep(self) -> None:
        while not self._closed:
            key = self._next(None)
            while key is not None:
                with Workers(1) as workers:
                    while key is not None and self._do(key, workers):
                        key = self._next(IDLE_S_MAX)
                key = self._next(0)

    def _do(self, key: tuple[str, RunName], workers: Workers) -> bool:
        """Does a task; False if its process has to be ended."""
        job = self._note(key, state="judging")
        workers.begin(key, job.function, job.folder)
        until_s = time.monotonic() + job.s_max
        while time.monotonic() < until_s and not self._closed:
            for done in workers.done(0.2):
                state, result = ("failed", str(done.failure)) if done.failure else ("done", done.result)
                self._note(key, state=state, result=result, ended_s=time.monotonic())
                return True
        why = "the server ended" if self._closed else f"it took more than {job.s_max:g} s"
        self._note(key, state="failed", result=f"given up: {why}", ended_s=time.monotonic())
        return False


def _again(folder: RunFolder) -> str:
    from harness.experiment import resolve

    return conclude(resolve(plans.load(folder.plan)), folder).verdict.value


def _so_far(folder: RunFolder) -> Sequence[Standing]:
    """How every claim stands, in their order."""
    from harness.experiment import resolve
    from harness.streaming import watching
    from harness.watch import Watch

    watch = Watch(_Recorded(History.read(folder.history)), watching(resolve(plans.load(folder.plan))))
    watch.look()
    return watch.standings


@dataclass(frozen=True, slots=True)
class _Recorded:
    """`harness.watch.Recorded` of what was read from a file."""

    read: History

    def history(self) -> _core.History:
        return self.read.core

    def tail(self, row: int) -> _core.History:
        return self.read.select(range(row, len(self.read))).core
