"""Progress of a selftest, on standard error: one line that changes on a terminal, a line for each bug and each trial
elsewhere, as a CI job's log wants it. What should not be is told at once, on both."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.cli import show
from harness.parallel import Lost, Task
from harness.selftest import Clean, Hunt
from harness.target import Bug
from harness.verdict import Verdict

_REFRESH_PER_S = 4

Group = tuple[str, str | int]
"""A target and the name of a bug, or the place of a trial."""


class Progress:
    """Counts the results of these tasks. A line is due when all hunts of a bug, or all runs of a trial, are in."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = len(tasks)
        self._due = Counter(map(_group_of, tasks))
        self._began = time.monotonic()
        self._done = self._found = self._passed = self._wrong = 0
        self._groups: dict[Group, list[Hunt | Clean]] = {}
        self._console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
        self._watched = sys.stderr.isatty()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While this lasts, a terminal shows the line."""
        if not self._watched:
            yield
            return
        with Live(console=self._console, get_renderable=self._line, refresh_per_second=_REFRESH_PER_S, transient=True):
            yield

    def take(self, result: Hunt | Clean | Lost) -> None:
        """One more result."""
        self._done += 1
        if problem := _problem(result):
            self._wrong += 1
            self._console.print(problem, style="bold red")
        if isinstance(result, Lost):
            for line in result.traceback.splitlines():
                self._console.print(f"  {show.bare(line)}")
            return
        self._found += isinstance(result, Hunt) and result.found is not None
        self._passed += isinstance(result, Clean) and result.verdict is Verdict.PASS
        if not self._watched:
            self._group(result)

    def _group(self, result: Hunt | Clean) -> None:
        which = result.target, result.bug if isinstance(result, Hunt) else result.trial
        group = self._groups.setdefault(which, [])
        group.append(result)
        if len(group) == self._due[which]:
            self._console.print(f"[{self._done}/{self._tasks}] {_told(group)}")

    def _line(self) -> Text:
        elapsed_s = time.monotonic() - self._began
        return Text(
            f"{self._done} of {self._tasks} done in {elapsed_s:.0f} s · {self._found} bugs found · "
            f"{self._passed} unspoiled runs passed · {self._wrong} wrong",
            no_wrap=True,
            overflow="ellipsis",
        )


def _group_of(task: Task) -> Group:
    target, what, *_ = task.args
    return target, what.name if isinstance(what, Bug) else what


def _problem(result: Hunt | Clean | Lost) -> str:
    """The line for what should not be; empty for what should."""
    match result:
        case Lost(name, why):
            return f"BROKEN {show.bare(name)}: {show.bare(why)}"
        case Hunt(found=None):
            why = f"; a run broke: {show.bare(result.problem)}" if result.problem else ""
            return f"NOT FOUND {result.target} {result.bug} in {result.seeds_max} seeds{why}"
        case Clean() if result.verdict is not Verdict.PASS:
            word = "BLAMED" if result.verdict is Verdict.FAIL else result.verdict.value.upper()
            which = f"{result.target} trial {result.trial + 1} ({result.workload}) seed {result.seed}"
            return f"{word} {which}: {show.bare(result.why)}"
        case _:
            return ""


def _told(group: list[Hunt | Clean]) -> str:
    hunts = [one for one in group if isinstance(one, Hunt)]
    first = group[0]
    wall_s = sum(one.wall_s for one in group)
    if isinstance(first, Hunt):
        finds = [one.found for one in hunts if one.found]
        what = f", as {finds[0].anomaly}" if finds else ""
        seeds = f" in {' '.join(str(one.seeds) for one in finds)} seeds" if finds else ""
        return f"{first.target} {first.bug}: found {len(finds)} of {len(group)}{seeds}{what} ({wall_s:.1f} s)"
    passed = sum(isinstance(one, Clean) and one.verdict is Verdict.PASS for one in group)
    return (
        f"{first.target} trial {first.trial + 1} ({first.workload}): {passed} of {len(group)} passed ({wall_s:.1f} s)"
    )
