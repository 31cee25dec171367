"""Progress of a run on a terminal: one line on standard error, gone when the run ends. Nothing at all where there is
no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live as RichLive
from rich.text import Text

from harness.operation import Operation, Type
from harness.plan import Plan

_REFRESH_PER_S = 4


class Overview:
    """Several runs at once on one line: a context manager that is told how far each of them is."""

    def __init__(self, names: Sequence[str]) -> None:
        self._count = len(names)
        self._running: dict[str, tuple[str, float]] = {}
        self._seen: dict[str, None] = {}
        self.watching = sys.stderr.isatty()
        self._live = RichLive(
            console=Console(stderr=True),
            get_renderable=self._render,
            refresh_per_second=_REFRESH_PER_S,
            transient=True,
        )

    def __enter__(self) -> Self:
        if self.watching:
            self._live.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if self.watching:
            self._live.stop()

    def hear(self, name: str, news: tuple[str, float]) -> None:
        """A run is in that phase, at that time of its own in seconds (0: unknown)."""
        self._running[name] = news
        self._seen[name] = None

    def done(self, name: str) -> None:
        """A run has come to its end, and is judged."""
        self._running.pop(name, None)
        self._seen[name] = None

    def _render(self) -> Text:
        runs = " · ".join(
            f"{name}: {phase}" + (f" {now_s:.0f} s" if now_s else "") for name, (phase, now_s) in self._running.items()
        )
        done = len(self._seen) - len(self._running)
        return Text(f"{done} of {self._count} done · {runs or 'starting'}", no_wrap=True, overflow="ellipsis")


class Live:
    """A context manager that a run reports to (`harness.load.Progress`)."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._phase = "starting"
        self._completed = 0
        self._now_ns = 0
        self._in_force: dict[str, None] = {}
        self._began = time.monotonic()
        self._console = Console(stderr=True)
        self._live = RichLive(
            console=self._console, get_renderable=self._render, refresh_per_second=_REFRESH_PER_S, transient=True
        )
        self.event: Callable[[Operation], None] | None = self._count if sys.stderr.isatty() else None
        """Called with every event of the history; None when nobody watches, so that it costs nothing."""

    def __enter__(self) -> Self:
        if self.event is not None:
            self._live.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if self.event is not None:
            self._live.stop()

    def phase(self, name: str) -> None:
        """The run has come to this part of its life: "creating", "load", "heal", ..., "checking"."""
        self._phase = name

    def _count(self, op: Operation) -> None:
        self._now_ns = op.time
        if op.process is not None and op.process < 0:
            self._note_fault(op)
        elif op.type is not Type.INVOKE:
            self._completed += 1

    def _note_fault(self, op: Operation) -> None:
        if op.type is Type.INVOKE or not isinstance(op.value, dict) or "fault" not in op.value:
            return
        fault = str(op.value["fault"])
        if op.f.startswith("start-"):
            self._in_force[fault] = None
        else:
            self._in_force.pop(fault, None)

    def _render(self) -> Text:
        elapsed_s = max(time.monotonic() - self._began, 1e-3)
        now_s = self._now_ns / 1e9
        left_s = max(0.0, self._plan.time + self._plan.settle - now_s)
        faults = ", ".join(list(self._in_force)) or "no faults"
        return Text(
            f"{self._plan.target.name}: {self._phase} · {now_s:5.1f} s, about {left_s:.0f} s left · "
            f"{self._completed} ops, {self._completed / elapsed_s:,.0f}/s · {faults}",
            no_wrap=True,
            overflow="ellipsis",
        )
