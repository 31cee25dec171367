"""The runs of a campaign over time: what was clean stands, what failed hangs, and where a failure was new it is marked.

Runs are put together in equal numbers, in the order in which they ended: nights bring hundreds of runs each and days
none, so an axis of time would be empty but for some needles. Height and side tell it all, colour only helps.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.campaign.record import Run
from reports.charts import Scale, chart, label, tag
from reports.serve.times import moment
from reports.text import count, show

BARS_MAX = 60
HEIGHT, FOOT = 120, 20
ROOM = 14
"""Pixels below what hangs, for the dot of what was new."""
LEAST = 4.0
"""Pixels that even one failure among a thousand runs gets."""

STANDING = ("pass", "inconclusive", "error")


@dataclass(frozen=True, slots=True)
class Bar:
    """Some runs in a row, by verdict; `new` are the failures that had never shown before."""

    first: Run
    last: Run
    count: Counter[str]
    new: int


def bars(runs: Sequence[Run]) -> list[Bar]:
    """The runs in equal numbers."""
    size = max(1, math.ceil(len(runs) / BARS_MAX))
    known: set[str] = set()
    found = []
    for start in range(0, len(runs), size):
        some = runs[start : start + size]
        shown = {failure.fingerprint for run in some for failure in run.failures}
        tally = Counter(run.verdict.value for run in some)
        found.append(Bar(some[0], some[-1], tally, len(shown - known)))
        known |= shown
    return found


def over_time(runs: Sequence[Run], id: str = "over-time") -> Markup:
    """One bar for some runs each."""
    found = bars(runs)
    size = max((bar.count.total() for bar in found), default=1)
    x = Scale(0, max(len(found), 12), 0, 100)
    high = Scale(0, size, 0, HEIGHT - 4)
    hanging = max(LEAST, *(high(bar.count["fail"]) for bar in found)) if found else LEAST
    parts = [tag("line", x1=0, x2="100%", y1=HEIGHT, y2=HEIGHT, class_="grid", stroke="#ddd")]
    for place, bar in enumerate(found):
        parts.append(tag("g", tag("title", _words(bar)), *_drawn(bar, x, place, high)))
    foot = HEIGHT + hanging + ROOM + FOOT - 4
    parts += _ends(found, x, foot)
    parts.append(label(count(size, "run"), -8, 12, text_anchor="end"))
    parts.append(label("failing", -8, HEIGHT + 16, text_anchor="end"))
    total = Counter(run.verdict.value for run in runs)
    told = ", ".join(f"{total[name]:,} {name}" for name in (*STANDING, "fail") if total[name])
    return chart(
        HEIGHT + hanging + ROOM + FOOT,
        *parts,
        id=id,
        title="Runs over time",
        desc=f"{count(len(runs), 'run')} in {count(len(found), 'bar')}, oldest first: {told or 'none'}.",
    )


def _ends(found: Sequence[Bar], x: Scale, y: float) -> list[Markup]:
    """When it began and ended: days, or minutes of one day."""
    if not found:
        return []
    first, last = moment(found[0].first.at_s), moment(found[-1].last.at_s)
    one_day = first[:10] == last[:10]
    marks = [label(first[:16] if one_day else first[:10], 0, y)]
    if len(found) > 1:
        end = last[11:16] if one_day else last[:10]
        marks.append(label(end, x.percent(max(len(found), 6)), y, text_anchor="end"))
    return marks


def _drawn(bar: Bar, x: Scale, place: int, high: Scale) -> list[Markup]:
    left, width = x.percent(place + 0.1), f"{x(0.8):.3f}%"
    parts, y = [], float(HEIGHT)
    for verdict in STANDING:
        if bar.count[verdict]:
            height = max(high(bar.count[verdict]), LEAST)
            y -= height
            parts.append(tag("rect", x=left, width=width, y=y, height=height, class_=f"mark-{verdict}"))
    if bar.count["fail"]:
        height = max(high(bar.count["fail"]), LEAST)
        parts.append(tag("rect", x=left, width=width, y=HEIGHT + 1.0, height=height, class_="mark-fail"))
        if bar.new:
            parts.append(tag("circle", cx=x.percent(place + 0.5), cy=HEIGHT + height + 9, r=3.5, class_="mark-new"))
    return parts


def _words(bar: Bar) -> str:
    told = ", ".join(f"{bar.count[name]} {name}" for name in (*STANDING, "fail") if bar.count[name])
    new = f"; {count(bar.new, 'new failure')}" if bar.new else ""
    return show(f"{moment(bar.first.at_s)} to {moment(bar.last.at_s)}: {told}{new}")
