"""Availability: the share of operations invoked inside fault windows that the service answered, by side of the cut.

An operation counts by the moment it was invoked and by the node its worker is bound to; one whose deadline reaches
past a window's end still belongs to that window, because that is when the client asked. It was answered when it ended
ok (a time-out is `info`, so ok means within the deadline), or when a compare-and-set was refused with the value found:
a refusal is service. Any other definite failure, such as "temporarily unavailable", is not.

Sides are those of `harness.regimes`. The first seconds of a window can be left out (`after`): a promise of
availability is one made past the time an election takes. They are left out after the beginning of every fault, also of
another family that strikes inside the window, since that one may cost an election too.

Rejected: judging by completions (a service that hangs completes nothing, and would be perfectly available), and
weighting by time instead of operations (a node that nobody asked would count as available).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from checkers import survey
from checkers.survey import Survey, Window
from checkers.tally import Count
from harness.answers import client_answers
from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.faults import FaultSpan, load_end_ns, spans
from harness.regimes import Side
from harness.units import duration_s
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History

SIDES = ("majority", "minority", "all")


class Availability:
    """`{availability: {min, side, during, after, of, in_flight}}`.

    `min` is the share promised, 0 to 1 (default 1: every operation); `side` is `majority`, `minority` or `all`
    (default); `during` is a family of faults (default: any); `after` is a duration left out at the start of each
    window (default 0); `of` is the one kind of operation that is judged, such as `read` (default: all); `in_flight:
    false` leaves out the operations that were in flight
    when a window ended, which may owe their answer to the healing (default: they are judged by whether they were
    answered in time, as their clients see it). A run in which
    no fault was even tried is judged on its whole load, where everybody is on the majority side.
    """

    covered_by_invocations = True

    def __init__(
        self,
        *,
        min: float = 1.0,
        side: str = "all",
        during: str | None = None,
        after: float | str = 0.0,
        of: str | None = None,
        in_flight: bool = True,
    ) -> None:
        if isinstance(min, bool) or not isinstance(min, int | float) or not 0 <= min <= 1:
            raise UsageError(f"availability: min is a share between 0 and 1, such as 0.99, not {min!r}")
        if side not in SIDES:
            raise UsageError(f"availability: side is one of {', '.join(SIDES)}, not {side!r}")
        if during is not None and (not isinstance(during, str) or not during):
            raise UsageError(f"availability: during names a family of faults, such as partition, not {during!r}")
        if of is not None and (not isinstance(of, str) or not of):
            raise UsageError(f"availability: of names an operation, such as read, not {of!r}")
        if not isinstance(in_flight, bool):
            raise UsageError(f"availability: in_flight is true or false, not {in_flight!r}")
        self.min = float(min)
        self.in_flight = in_flight
        self.of = of
        self.side = side
        self.during = during
        self.after_s = duration_s(after)

    def check(self, history: History, *, budget: Budget) -> Result:
        """One pass over the client operations. `stats` has the form of `Survey.to_json`, the claim's options beside
        `judged`."""
        faults = spans(history)
        windows = self._windows(faults, load_end_ns(history))
        side = None if self.side == "all" else Side(self.side)
        answers = client_answers(history) if self.of is None else client_answers(history).of(self.of)
        if not self.in_flight:
            answers = answers.decided_by(window.end_ns for window in windows)
        found = survey.take(answers, faults, windows, after_ns=round(self.after_s * 1e9), side=side)
        stats = found.to_json()
        stats["judged"] |= {"side": self.side, "during": self.during, "after_s": self.after_s, "min": self.min}
        if self.of is not None:
            stats["judged"]["of"] = self.of
        count = found.judged.count
        if not count.ops:
            return Result(Verdict.INCONCLUSIVE, "availability", (), stats, self._nothing(windows))
        told = self._told(count, windows)
        if count.ok >= self.min * count.ops - 1e-9:
            return Result(Verdict.PASS, "availability", (), stats, told)
        message = told + _worst(found, side)
        anomaly = Anomaly("unavailable", message, tuple(found.unanswered), details=stats["judged"])
        return Result(Verdict.FAIL, "availability", [anomaly], stats, told)

    def _windows(self, faults: Sequence[FaultSpan], load_end: int) -> list[Window]:
        if not faults and self.during is None:
            return [Window("", "", 0, load_end)]
        return [
            Window(span.id, span.family, span.start_ns, span.end_ns)
            for span in faults
            if span.applied and self.during in (None, span.family)
        ]

    def _nothing(self, windows: Sequence[Window]) -> str:
        if not windows:
            return f"no {self.during or 'fault'} is known to have been in force, so there is no window to judge"
        left_out = f", later than {self.after_s:g} s after a fault began" if self.after_s else ""
        return f"no client {self._what()} was invoked {self._where()} {_during(windows)}{left_out}"

    def _told(self, count: Count, windows: Sequence[Window]) -> str:
        return (
            f"{_percent(count)} of {count.ops:,} {self._what()}s invoked {self._where()} {_during(windows)} were "
            f"answered, promised: at least {self.min * 100:g} %"
        )

    def _what(self) -> str:
        return "operation" if self.of is None else f"{self.of} operation"

    def _where(self) -> str:
        return "on all sides" if self.side == "all" else f"on the {self.side} side"


def _during(windows: Sequence[Window]) -> str:
    if not windows[0].fault:
        return "during the load, in which no fault was injected,"
    families = sorted({window.family for window in windows})
    return f"in {len(windows)} {', '.join(families)} window{'s' * (len(windows) != 1)}"


def _percent(count: Count) -> str:
    """Rounded down, so that what falls short of a promise never looks like it."""
    return f"{math.floor(count.ok / count.ops * 10_000) / 100:g} %"


def _worst(found: Survey, side: Side | None) -> str:
    """Which window was the worst, where there were several."""
    shares: list[tuple[float, Window, Count]] = []
    for window, sides in found.windows:
        count = Count()
        for where in sides if side is None else [side]:
            count.add(sides[where])
        if count.share is not None:
            shares.append((count.share, window, count))
    if len(shares) < 2:
        return ""
    _, window, count = min(shares, key=lambda one: one[0])
    span = f"{window.start_ns / 1e9:.1f} s to {window.end_ns / 1e9:.1f} s"
    return f"; the worst was {window.fault} ({span}): {count.ok:,} of {count.ops:,}"
