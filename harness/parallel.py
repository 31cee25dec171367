"""Independent tasks done side by side (`harness.workers`): what comes of each as it comes, or of all if all succeed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError, SplitbrainError
from harness.workers import Done, WorkerDied, Workers

LOST_MAX = 5
"""Workers that may die under tasks until it is no accident: what kills them would kill all others."""

CLEANUP_S = 2.0
"""How long an interrupted task may go on. What it simulates needs no taking down, and may be standing still."""


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
    with Workers(workers, cleanup_s=CLEANUP_S) as team:
        while waiting or team.busy:
            while waiting and team.free:
                task = waiting.popleft()
                team.begin(task.name, task.function, *task.args)
            for done in team.done():
                lost = _lost(done)
                yield done.result if lost is None else lost
                deaths += isinstance(done.failure, WorkerDied)
                if lost and deaths > LOST_MAX:
                    raise HarnessError(f"{deaths} worker processes died, the last in {lost.name}: {lost.why}")


def spread(
    tasks: Iterable[Task], workers: int, hear: Callable[[str, Any], None], ended: Callable[[str], None]
) -> Mapping[str, Any]:
    """The result of every task by its name, in the order of the tasks. Each is also given, last, with whom to tell how
    far it is: `hear` is called with its name and what it tells, `ended` with the name of one that has ended.

    Raises `HarnessError` for the first that fails or whose process dies; the others are then ended.
    """
    waiting = deque(tasks)
    results: dict[str, Any] = {task.name: None for task in waiting}
    with Workers(workers, cleanup_s=CLEANUP_S, hear=hear) as team:
        while waiting or team.busy:
            while waiting and team.free:
                task = waiting.popleft()
                team.begin(task.name, task.function, *task.args)
            for done in team.done():
                if done.failure is not None:
                    raise HarnessError(f"{done.tag}: {_why(done)}") from done.failure
                results[done.tag] = done.result
                ended(done.tag)
    return results


def _why(done: Done) -> str:
    if isinstance(done.failure, SplitbrainError):
        return str(done.failure)
    return f"a defect of splitbrain or of a plugin: {done.traceback}"


def _lost(done: Done) -> Lost | None:
    match done.failure:
        case None:
            return None
        case WorkerDied():
            return Lost(done.tag, str(done.failure))
        case failure:
            return Lost(done.tag, f"it raised {type(failure).__name__}: {failure}", done.traceback)
