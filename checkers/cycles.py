"""A cycle of transactions as a picture: SVG, drawn here, so nothing needs to be installed.

Transactions stand on a circle in the order of the cycle, the first at the top; each arrow says by its colour and label
what forces the one before the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

COLOURS: Mapping[str, str] = {
    "ww": "#b3261e",
    "wr": "#1b5e9e",
    "rw": "#8a4bb0",
    "process": "#5f6b6b",
    "realtime": "#8f6a00",
}
"""Of each kind of edge."""

MEANINGS: Mapping[str, str] = {
    "ww": "overwrites",
    "wr": "is read by",
    "rw": "misses the write of",
    "process": "is before, in its process",
    "realtime": "is before, in real time",
}

_BOX_WIDTH = 260.0
_BOX_HEIGHT = 40.0
_MARGIN = 24.0
_TEXT_CHARS_MAX = 38


def draw(steps: Sequence[Mapping[str, Any]], texts: Mapping[int, str]) -> str:
    """The picture of a cycle.

    `steps` are those of `Anomaly.details["cycle"]`: `from` and `to` (indices of events), `kind`, `key`, `why`. `texts`
    says what is written into the box of each event; what is too long is cut. Raises ValueError for no steps.
    """
    if not steps:
        raise ValueError("a cycle has at least one step")
    count = len(steps)
    radius = max(90.0, count * (_BOX_WIDTH + 40) / (2 * math.pi))
    width = 2 * (radius + _BOX_WIDTH / 2 + _MARGIN)
    height = 2 * (radius + _BOX_HEIGHT / 2 + _MARGIN)
    places = [_place(number, count, radius, width / 2, height / 2) for number in range(count)]
    arrows = [
        _arrow(places[number], places[(number + 1) % count], step, bend=count == 2) for number, step in enumerate(steps)
    ]
    boxes = [
        _box(place, f"T{number + 1}", texts.get(step["from"], f"event {step['from']}"))
        for number, (place, step) in enumerate(zip(places, steps, strict=True))
    ]
    kinds = sorted({str(step["kind"]) for step in steps})
    told = escape(", ".join(f"T{number + 1} {MEANINGS.get(step['kind'], '')}" for number, step in enumerate(steps)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'font-family="ui-monospace, monospace" font-size="11"><title>A cycle of {count} transactions</title>'
        f"<desc>{told}</desc><defs>{''.join(map(_head, kinds))}</defs>{''.join(arrows)}{''.join(boxes)}</svg>"
    )


Point = tuple[float, float]


def _place(number: int, count: int, radius: float, x: float, y: float) -> Point:
    angle = 2 * math.pi * number / count - math.pi / 2
    return x + radius * math.cos(angle), y + radius * math.sin(angle)


def _colour(kind: object) -> str:
    return COLOURS.get(str(kind), "#333333")


def _head(kind: str) -> str:
    return (
        f'<marker id="head-{escape(kind)}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0L10 5L0 10z" fill="{_colour(kind)}"/></marker>'
    )


def _edge_of_box(of: Point, towards: Point) -> Point:
    """Where the line from a box's middle to a point leaves the box."""
    dx, dy = towards[0] - of[0], towards[1] - of[1]
    scales = [_BOX_WIDTH / 2 / abs(dx)] if dx else []
    scales += [_BOX_HEIGHT / 2 / abs(dy)] if dy else []
    scale = min(scales, default=0.0)
    return of[0] + dx * scale, of[1] + dy * scale


def _arrow(start: Point, end: Point, step: Mapping[str, Any], *, bend: bool) -> str:
    """A straight line; of two transactions a bent one, since there the other way is taken too."""
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    if bend:
        x, y = x - (end[1] - start[1]) * 0.35, y + (end[0] - start[0]) * 0.35
    a, b = _edge_of_box(start, (x, y)), _edge_of_box(end, (x, y))
    kind, key = str(step["kind"]), step.get("key")
    label = kind if key is None else f"{kind} {key}"
    return (
        f'<g><title>{escape(str(step.get("why", "")))}</title><path d="M{a[0]:.1f} {a[1]:.1f}Q{x:.1f} {y:.1f} '
        f'{b[0]:.1f} {b[1]:.1f}" fill="none" stroke="{_colour(kind)}" stroke-width="1.6" '
        f'marker-end="url(#head-{escape(kind)})"/><text x="{(a[0] + 2 * x + b[0]) / 4:.1f}" '
        f'y="{(a[1] + 2 * y + b[1]) / 4:.1f}" text-anchor="middle" stroke="white" stroke-width="4" '
        f'paint-order="stroke" fill="{_colour(kind)}">{escape(_cut(label))}</text></g>'
    )


def _box(place: Point, name: str, text: str) -> str:
    x, y = place[0] - _BOX_WIDTH / 2, place[1] - _BOX_HEIGHT / 2
    return (
        f'<g><title>{escape(text)}</title><rect x="{x:.1f}" y="{y:.1f}" width="{_BOX_WIDTH:.0f}" '
        f'height="{_BOX_HEIGHT:.0f}" rx="4" fill="white" stroke="#333333"/><text x="{place[0]:.1f}" '
        f'y="{y + 16:.1f}" text-anchor="middle" font-weight="bold">{escape(name)}</text><text x="{place[0]:.1f}" '
        f'y="{y + 31:.1f}" text-anchor="middle">{escape(_cut(text))}</text></g>'
    )


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_CHARS_MAX else text[: _TEXT_CHARS_MAX - 1] + "…"
