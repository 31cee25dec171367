"""What was said round a violation: a failed run of the simulator, repeated with an ear on its messages.

The simulator keeps no messages: a run sends some hundred thousand a minute, nearly all runs pass, and which of the
messages matter is known only once the history has been judged. Keeping the last ones in a ring while the run goes on
was rejected: it costs every run, the violation is most often long gone from the ring when it is found, and a ring does
not know what it is looking for. A simulated run, however, depends on its plan alone. So a run that failed is repeated,
up to the last scene (`harness.messages`), on links that also listen. That costs a run that fails about its own time
again, and a run that passes nothing.

It is taken on trust from nobody that the repetition is the run: its history has to be the same to the byte as far as it
goes. Where it is not, no message is kept, and the reason is written down instead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.clusters.base import Cluster
from harness.errors import SplitbrainError
from harness.experiment import Experiment, resolve
from harness.history import History
from harness.interpreter.workers import thread_of
from harness.judge import Judged, violations
from harness.load import conduct
from harness.messages import SCENES_MAX, Scene, Tap, Tapped, lines
from harness.operation import Operation, Type
from harness.runs import RunFolder
from harness.streaming import ending
from harness.watch import Watch

_ROWS_AT_ONCE = 4096


def retrace(
    experiment: Experiment, history: History, claims: Sequence[Judged], run_id: str, *, limit_s: float
) -> list[str]:
    """The lines of messages.jsonl for the violations of a run; none when it has none that could be looked at, or when
    its cluster shows no messages. The repetition is given up after `limit_s` seconds of real time."""
    if not issubclass(experiment.cluster_class, Tapped):
        return []
    scenes = [Scene.of(history, anomaly) for _, anomaly in violations(claims)[:SCENES_MAX]]
    found = [scene for scene in scenes if scene is not None]
    if not found:
        return []
    try:
        again = resolve(experiment.plan)
        follower = _Follower(found, again, limit_s)
        same = follower.follow(history, run_id)
    except _Late:
        return list(lines([], f"repeating the run was given up after {limit_s:.0f} s"))
    except (SplitbrainError, OSError) as problem:
        return list(lines([], f"the run could not be repeated: {experiment.confidential.hide(str(problem))}"))
    if not same:
        return list(lines([], "repeated, the run took another course: what was said in it is not known"))
    return list(lines(follower.tap.kept()))


class _Reached(Exception):
    """The repetition has come to the end of the last scene."""


class _Late(Exception):
    """The repetition takes too long."""


class _Follower:
    """Goes along with the repetition, event by event (`harness.load.Progress`)."""

    def __init__(self, scenes: Sequence[Scene], experiment: Experiment, limit_s: float) -> None:
        self.event: Callable[[Operation], None] | None = self._event
        self.tap = Tap(scenes, caller=self._caller, hide=experiment.confidential.hide)
        self._experiment = replace(experiment, cluster=self._tapped(experiment.cluster))
        self._end_ns = max(scene.end_ns for scene in scenes)
        self._until_s = time.monotonic() + limit_s
        self._events = 0
        self._processes: dict[int, int] = {}
        self._now: Callable[[], int] = lambda: 0

    def follow(self, history: History, run_id: str) -> bool:
        """Repeats the run; whether it went as this history tells. Raises what `conduct` does."""
        experiment = self._experiment
        watched = ending(experiment) if experiment.plan.stop_on_violation else {}
        with TemporaryDirectory(prefix="splitbrain-retrace-") as place:
            folder = RunFolder(Path(place) / run_id)
            folder.path.mkdir()
            with suppress(_Reached):
                conduct(experiment, folder, self, watched)
            return _same(history, History.read(folder.history), self._events)

    def phase(self, name: str) -> None:
        """Nobody is told: the run itself is over."""

    def watch(self, watch: Watch) -> None:
        """Nor what is broken: that is known."""

    def _tapped(self, make: Callable[[str], Cluster]) -> Callable[[str], Cluster]:
        def made(run_id: str) -> Cluster:
            cluster = make(run_id)
            listening: Any = cluster  # only the simulator can be listened to, and only its runs are repeated
            listening.tap(self.tap)
            self._now = cluster.now
            return cluster

        return made

    def _event(self, op: Operation) -> None:
        if self.tap.epoch_ns is None:
            self.tap.epoch_ns = self._now() - op.time
        if op.time > self._end_ns:
            raise _Reached
        if time.monotonic() > self._until_s:
            raise _Late
        self._events += 1
        if op.type is Type.INVOKE and op.process is not None and op.process >= 0:
            self._processes[op.process % self._experiment.plan.concurrency] = op.process

    def _caller(self) -> int | None:
        thread = thread_of(asyncio.current_task())
        return None if thread is None else self._processes.get(thread)


def _same(one: History, other: History, events: int) -> bool:
    """Whether two histories begin with the same so many events."""
    if min(len(one), len(other)) < events:
        return False
    parts = ((start, min(start + _ROWS_AT_ONCE, events)) for start in range(0, events, _ROWS_AT_ONCE))
    return all(one.core.render("jsonl", *part) == other.core.render("jsonl", *part) for part in parts)
