"""Verdicts and availability of each claim over time, drawn here, with the numbers beside.

Runs stand in a row, in the order in which they began and equally far apart: campaigns bring a hundred runs in a minute
and then none for a week, and on an axis of time nobody could tell those hundred apart. A verdict is told by its lane,
so that it needs no colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.charts import UNITS, Scale, chart, join, label, line, path, stretched, tag
from reports.serve.facts import ClaimFacts, RunFacts
from reports.serve.links import run_address
from reports.serve.times import moment
from reports.text import count, percent, show

LANES = ("pass", "inconclusive", "error", "fail")
RUNS_DRAWN_MAX = 200
RUNS_BRIEF_MAX = 48
TRENDS_MAX = 400
LANE, LINE_HEIGHT = 24, 110


@dataclass(frozen=True, slots=True)
class Trend:
    """One claim of one target in every run that judged it, oldest first."""

    target: str
    claim: str
    expect: str
    points: Sequence[tuple[RunFacts, ClaimFacts]]

    @property
    def last(self) -> ClaimFacts:
        """The latest verdict."""
        return self.points[-1][1]

    @property
    def kept(self) -> int:
        """In how many runs it passed."""
        return sum(claim.verdict == "pass" for _, claim in self.points)

    @property
    def broken(self) -> int:
        """In how many it failed."""
        return sum(claim.verdict == "fail" for _, claim in self.points)

    @property
    def share(self) -> float | None:
        """The latest availability that was measured for it."""
        return next((claim.share for _, claim in reversed(self.points) if claim.share is not None), None)

    @property
    def measured(self) -> bool:
        """Whether availability was ever measured for it."""
        return self.share is not None


def trends(runs: Iterable[RunFacts], target: str = "", claim: str = "") -> list[Trend]:
    """Every claim that was judged, by target and id; of one target or claim alone where they are named. `runs` come
    newest first."""
    grouped: dict[tuple[str, str], list[tuple[RunFacts, ClaimFacts]]] = {}
    for run in runs:
        if not target or run.target == target:
            for one in run.claims:
                if not claim or one.id == claim:
                    grouped.setdefault((run.target, one.id), []).append((run, one))
    return [Trend(*names, points[0][1].expect, points[::-1]) for names, points in sorted(grouped.items())]


def strip(trend: Trend) -> Markup:
    """The last verdicts in small: a bar a run, high for what was kept, hanging for what was broken."""
    points = trend.points[-RUNS_BRIEF_MAX:]
    looks = {"pass": (2, 9), "fail": (11, 9), "inconclusive": (9, 4), "error": (9, 4)}
    width = RUNS_BRIEF_MAX * 5
    bars = [tag("line", x1=0, x2=width, y1=11, y2=11, class_="grid", stroke="#ddd")]
    for place, (_, claim) in enumerate(points):
        y, height = looks[claim.verdict]
        bars.append(tag("rect", x=place * 5, y=y, width=3.5, height=height, class_=f"mark-{claim.verdict}"))
    words = f"the last {count(len(points), 'run')}: {_in_words(points)}"
    return tag(
        "svg", tag("title", words), *bars, class_="strip", role="img", width=width, height=22, viewBox=f"0 0 {width} 22"
    )


def verdicts(trend: Trend, id: str = "verdicts") -> Markup:
    """One lane a verdict, one mark a run that leads to it."""
    points = trend.points[-RUNS_DRAWN_MAX:]
    height = LANE * len(LANES)
    x = Scale(0, len(points), 0, 100)
    parts = []
    for row, verdict in enumerate(LANES):
        y = row * LANE
        parts.append(label(verdict, -8, y + 16, text_anchor="end", class_="label lane"))
        parts.append(tag("line", x1=0, x2="100%", y1=y + LANE, y2=y + LANE, class_="grid", stroke="#ddd"))
    width = 76 / max(len(points), 12)
    for place, (run, claim) in enumerate(points):
        words = f"{moment(run.began_s)}, seed {run.seed}: {claim.verdict}"
        mark = tag(
            "rect",
            tag("title", show(words)),
            x=x.percent(place + 0.5 - width * len(points) / 200),
            width=f"{width:.3f}%",
            y=LANES.index(claim.verdict) * LANE + 4,
            height=LANE - 7,
            rx=2,
            class_=f"mark-{claim.verdict}",
        )
        parts.append(tag("a", mark, href=run_address(run.name)))
    return chart(
        height + 20,
        *parts,
        *_ends(points, height),
        id=id,
        title=f"Verdicts of {trend.claim} over time",
        desc=f"{count(len(points), 'run')}, oldest first: {_in_words(points)}.",
        linked=True,
    )


def availability(trend: Trend, id: str = "availability") -> Markup:
    """The share of operations answered, run by run; the axis begins a little below the worst."""
    points = trend.points[-RUNS_DRAWN_MAX:]
    shares = [claim.share for _, claim in points]
    worst = min((share for share in shares if share is not None), default=0.0)
    low = next((mark for mark in (0.99, 0.98, 0.95, 0.9, 0.8, 0.5) if worst >= mark), 0.0)
    y, x = Scale(low, 1, LINE_HEIGHT, 4), Scale(0, len(points), 0, UNITS)
    levels = []
    for mark in (low, (low + 1) / 2, 1.0):
        levels.append(tag("line", x1=0, x2="100%", y1=y(mark), y2=y(mark), class_="grid", stroke="#ddd"))
        levels.append(label(f"{mark * 100:g} %", -8, y(mark) + 4, text_anchor="end"))
    curve = path(line(shares, x, y), class_="curve", fill="none", stroke="#333", stroke_width=2)
    dots = [
        tag(
            "circle",
            tag("title", show(f"{moment(run.began_s)}: {percent(claim.share)}")),
            cx=Scale(0, len(points), 0, 100).percent(place + 0.5),
            cy=y(claim.share),
            r=3 if len(points) <= 80 else 1.5,
            class_="dot",
        )
        for place, (run, claim) in enumerate(points)
        if claim.share is not None
    ]
    known = [share for share in shares if share is not None]
    return chart(
        LINE_HEIGHT + 22,
        join(levels),
        stretched(LINE_HEIGHT, curve),
        *dots,
        *_ends(points, LINE_HEIGHT),
        id=id,
        title=f"Availability measured for {trend.claim} over time",
        desc=f"Between {percent(min(known, default=None))} and {percent(max(known, default=None))} answered.",
    )


def _ends(points: Sequence[tuple[RunFacts, ClaimFacts]], height: float) -> list[Markup]:
    first, last = (moment(points[place][0].began_s) for place in (0, -1))
    marks = [label(first, 0, height + 16)]
    return marks if len(points) == 1 else [*marks, label(last, "100%", height + 16, text_anchor="end")]


def _in_words(points: Sequence[tuple[RunFacts, ClaimFacts]]) -> str:
    counts = ((verdict, sum(claim.verdict == verdict for _, claim in points)) for verdict in LANES)
    return ", ".join(f"{number} {verdict}" for verdict, number in counts if number)
