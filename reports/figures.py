"""The charts of a run: operations per second and latency; those in lanes are in `reports.lanes`.

All stand one under the other with one time axis, the bands of the faults running through all of them, so that the
eye can go straight down from a fault to what it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from markupsafe import Markup

from reports.backdrop import OUTCOME_LOOKS, Backdrop
from reports.charts import (
    UNITS,
    Scale,
    band,
    chart,
    decades,
    join,
    label,
    line,
    path,
    steps,
    stretched,
    swatch,
    tag,
    ticks,
)
from reports.series import OUTCOMES, Series
from reports.text import count, duration, rounded, seconds


@dataclass(frozen=True, slots=True)
class Table:
    """The data behind a chart."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its words: `legend` is pairs of key and text, `table` the numbers it was drawn from."""

    id: str
    title: str
    caption: str
    svg: Markup
    legend: Sequence[tuple[Markup, str]] = ()
    table: Table | None = None


def throughput(
    series: Series, back: Backdrop, id: str = "throughput", *, height: float = 180, high: float | None = None
) -> Figure:
    """Operations per second, stacked by outcome; `high` fixes the top of the axis, in operations per second."""
    scale_s = series.width_ns / 1e9
    shown = [name for name in OUTCOMES if any(series.outcomes[name])]
    top = (high or peak_rate(series) or 1) * 1.05
    burst = any(sum(counts) > top * scale_s for counts in zip(*series.outcomes.values(), strict=True))
    cut = " The burst of final reads is cut off at the top." if burst else ""
    y = Scale(0, top, height, 4)
    x = Scale(0, back.time.high / series.width_ns, 0, UNITS)
    floor = [0.0] * series.buckets
    areas = []
    for name in shown:
        upper = [low + ops / scale_s for low, ops in zip(floor, series.outcomes[name], strict=True)]
        areas.append(path(steps(upper, floor, x, y), class_=f"area area-{name}", fill=f"url(#outcome-{name})"))
        floor = upper
    svg = chart(
        height + 22,
        back.bands(height),
        _levels([(mark, f"{mark:g}") for mark in ticks(top, 4)], y),
        stretched(height, *areas),
        back.axis(height),
        id=id,
        title="Operations per second by outcome",
        desc=f"{count(series.ops, 'operation')} in {seconds(series.span_ns, 0)}: {_in_words(series)}.",
    )
    rows = [
        [seconds(index * series.width_ns, 2), *(str(series.outcomes[name][index]) for name in shown)]
        for index in range(series.buckets)
    ]
    return Figure(
        id,
        "Operations per second",
        f"By outcome, counted when invoked, in steps of {rounded(series.width_ns)}.{cut}",
        svg,
        [(swatch(f"outcome-{name}"), f"{OUTCOME_LOOKS[name][2]}: {OUTCOME_LOOKS[name][3]}") for name in shown],
        Table(["from", *(OUTCOME_LOOKS[name][2] for name in shown)], rows),
    )


def peak_rate(series: Series) -> float:
    """The most operations per second in any bucket of the load (the final reads come as fast as they can)."""
    load = series.phases.get("heal", series.span_ns) // series.width_ns or None
    return max(map(sum, islice(zip(*series.outcomes.values(), strict=True), load)), default=0) / (series.width_ns / 1e9)


def _in_words(series: Series) -> str:
    pairs = zip(OUTCOMES, series.total, strict=True)
    return ", ".join(f"{number:,} {OUTCOME_LOOKS[name][2]}" for name, number in pairs if number)


def _levels(marks: Sequence[tuple[float, str]], y: Scale) -> Markup:
    parts = []
    for value, text in marks:
        at = y(value)
        parts.append(tag("line", x1=0, x2="100%", y1=at, y2=at, class_="grid", stroke="#ddd"))
        parts.append(label(text, -8, at + 4, text_anchor="end"))
    return join(parts)


LATENCY_LINES = (("p50", None, 2.0), ("p95", "5 3", 1.5), ("p99", "1.5 2.5", 1.5))


def latency(
    series: Series,
    back: Backdrop,
    id: str = "latency",
    *,
    height: float = 160,
    bounds: tuple[float, float] | None = None,
) -> Figure:
    """p50, p95 and p99 of the answered operations, on a logarithmic scale; `bounds` fixes it, in ns."""
    lows, highs = bounds or latency_bounds([series])
    marks = decades(lows, highs)
    y = Scale(marks[0], marks[-1], height - 2, 6, log=True)
    x = Scale(0, back.time.high / series.width_ns, 0, UNITS)
    curves: dict[str, list[float | None]] = {
        name: [float(getattr(one, name)) if one else None for one in series.latency] for name, _, _ in LATENCY_LINES
    }
    spread = path(band(curves["p50"], curves["p99"], x, y), class_="spread", fill="#888", fill_opacity=0.18)
    drawn = [
        path(
            line(curves[name], x, y),
            class_=f"curve {name}",
            fill="none",
            stroke="#333",
            stroke_width=width,
            stroke_dasharray=dash,
        )
        for name, dash, width in LATENCY_LINES
    ]
    overall = series.overall
    desc = (
        f"Median {duration(overall.p50)}, 95th percentile {duration(overall.p95)}, 99th {duration(overall.p99)}, "
        f"longest {duration(overall.max)}."
        if overall
        else "No operation was answered."
    )
    svg = chart(
        height + 22,
        back.bands(height),
        _levels([(mark, rounded(mark)) for mark in marks], y),
        stretched(height, spread, *drawn),
        back.axis(height),
        id=id,
        title="Latency of answered operations",
        desc=desc,
    )
    rows = [
        [
            seconds(index * series.width_ns, 2),
            *(duration(getattr(one, name, None)) for name in ("p50", "p95", "p99", "max")),
        ]
        for index, one in enumerate(series.latency)
    ]
    return Figure(
        id,
        "Latency",
        "Of answered operations, by when they were invoked; logarithmic. Those never answered are not in it.",
        svg,
        [
            (_dash(name, dash, width), words)
            for (name, dash, width), words in zip(LATENCY_LINES, _PERCENTILES, strict=True)
        ],
        Table(["from", "p50", "p95", "p99", "longest"], rows),
    )


_PERCENTILES = ("p50, half were faster", "p95", "p99, one in a hundred was slower")


def latency_bounds(every: Sequence[Series]) -> tuple[float, float]:
    """The lowest p50 and the highest p99 of any bucket, in ns."""
    known = [one for series in every for one in series.latency if one]
    return (
        max(min((one.p50 for one in known), default=1_000_000), 100),
        max(max((one.p99 for one in known), default=10_000_000), 1000),
    )


def _dash(name: str, dash: str | None, width: float) -> Markup:
    stroke = tag(
        "line",
        x1=0,
        x2=22,
        y1=6,
        y2=6,
        class_=f"curve {name}",
        stroke="#333",
        stroke_width=width,
        stroke_dasharray=dash,
    )
    return tag("svg", stroke, class_="swatch", width=22, height=12, aria_hidden="true")
