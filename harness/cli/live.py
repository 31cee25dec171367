"""Progress of runs: how far each is, how many operations, which faults are in force."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from harness.cli.ticker import Ticker
from harness.operation import Operation, Type
from harness.plan import Plan
from harness.watch import Watch, told


class Overview(Ticker):
    """Several runs at once on one line: a context manager that is told how far each of them is."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._count = len(names)
        self._running: dict[str, tuple[str, float]] = {}
        self._seen: dict[str, None] = {}

    def hear(self, name: str, news: tuple[str, float]) -> None:
        """A run is in that phase, at that time of its own in seconds (0: unknown)."""
        self._running[name] = news
        self._seen[name] = None

    def done(self, name: str) -> None:
        """A run has come to its end, and is judged."""
        self._running.pop(name, None)
        self._seen[name] = None

    def line(self) -> str:
        runs = " · ".join(
            f"{name}: {phase}" + (f" {now_s:.0f} s" if now_s else "")
            for name, (phase, now_s) in list(self._running.items())
        )
        done = len(self._seen) - len(self._running)
        return f"{done} of {self._count} done · {runs or 'starting'}"


class Live(Ticker):
    """A context manager that a run reports to (`harness.load.Progress`)."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self._phase = "starting"
        self._completed = 0
        self._now_ns = 0
        self._in_force: dict[str, None] = {}
        self._watch: Watch | None = None
        self._began = time.monotonic()
        self.event: Callable[[Operation], None] | None = self._count
        """Called with every event of the history."""

    def phase(self, name: str) -> None:
        """The run has come to this part of its life: "creating", "load", "heal", ..., "checking"."""
        self._phase = name

    def watch(self, watch: Watch) -> None:
        """What knows how the run's claims stand while it goes on."""
        self._watch = watch

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

    def line(self) -> str:
        elapsed_s = max(time.monotonic() - self._began, 1e-3)
        now_s = self._now_ns / 1e9
        left_s = max(0.0, self._plan.time + self._plan.settle - now_s)
        faults = ", ".join(list(self._in_force)) or "no faults"
        parts = [
            f"{self._plan.target.name}: {self._phase}",
            f"{now_s:5.1f} s, about {left_s:.0f} s left",
            f"{self._completed:,} ops, {self._completed / elapsed_s:,.0f}/s",
            faults,
        ]
        standings = self._watch.standings if self._watch else []
        # A narrow terminal cuts the line at its end: what is broken must not be there.
        parts.insert(2 if any(one.broken for one in standings) else len(parts), told(standings))
        return " · ".join(parts)
