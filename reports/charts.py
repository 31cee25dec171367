"""The pieces of a chart: scales, ticks, and SVG elements, as pure functions that return Markup.

Charts are drawn when the report is made, so they need no script. Two choices follow from that. Horizontal positions
are percentages and paths live in an inner, stretched coordinate system: a chart fills a phone and a wide screen alike
while its text keeps its size (a plain viewBox would shrink the text to a third). And every mark carries its colour as
an attribute, the style sheet only overrides it: a report stays readable where style sheets are forbidden, as on some
CI servers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from reports.text import neutral, show

UNITS = 1000.0
"""Width of the inner coordinate system; about as many pixels as a chart is wide, so that hatchings keep their slant."""

PALETTE = {
    "green": "#009E73",
    "orange": "#E69F00",
    "purple": "#CC79A7",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "sky": "#56B4E9",
    "yellow": "#B8A800",
    "grey": "#6B7280",
}
"""The colours of Okabe and Ito, told apart by people with any kind of colour vision (yellow darkened, to be seen on
white; grey for black).
"""


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """One SVG or HTML element.

    Attributes that are None are left out; `class_` is `class`, other underscores become hyphens.
    """
    parts = [Markup("<"), Markup(name)]
    for key, value in attributes.items():
        if value is not None:
            parts.append(Markup(' {}="{}"').format(Markup(key.rstrip("_").replace("_", "-")), _plain(value)))
    if not children:
        return Markup("").join([*parts, Markup("/>")])
    body = [child if isinstance(child, Markup) else escape(_plain(child)) for child in children]
    return Markup("").join([*parts, Markup(">"), *body, Markup("</{}>").format(Markup(name))])


def _plain(value: object) -> str:
    return figure(value) if isinstance(value, float) else neutral(str(value))


def figure(number: float) -> str:
    """A coordinate with at most two decimals: a hundredth of a pixel is not seen, and a report has ten thousand of
    them.
    """
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps `[low, high]` onto `[start, end]`, linearly or by logarithm; values outside are clamped."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        if self.log:
            ratio = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            ratio = (value - self.low) / (self.high - self.low)
        return self.start + ratio * (self.end - self.start)

    def percent(self, value: float) -> str:
        """The position as a percentage, for a scale onto 0..100."""
        return figure(self(value)) + "%"


def nice(step: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is no less than `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def ticks(high: float, about: int) -> list[float]:
    """Round numbers from 0 up to `high`, some `about` of them."""
    step = nice(high / about)
    return [step * index for index in range(math.floor(high / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """The powers of ten from that below `low` to that above `high`, at least two."""
    first = math.floor(math.log10(low) + 1e-9)
    last = max(math.ceil(math.log10(high) - 1e-9), first + 1)
    return [10.0**power for power in range(first, last + 1)]


def steps(values: Sequence[float], floor: Sequence[float], x: Scale, y: Scale) -> str:
    """The outline of a filled step curve between two series of equal length: value i covers `[i, i + 1)` on the x
    scale.
    """
    upper = [f"{figure(x(index))},{figure(y(v))}H{figure(x(index + 1))}" for index, v in enumerate(values)]
    lower = [
        f"{figure(x(index + 1))},{figure(y(v))}H{figure(x(index))}" for index, v in reversed(list(enumerate(floor)))
    ]
    return "M" + "L".join(upper + lower) + "Z" if upper else ""


def line(values: Sequence[float | None], x: Scale, y: Scale) -> str:
    """A line through the middles of the buckets, broken where there is no value; a lone value becomes a short dash."""
    parts: list[str] = []
    for first, run in _runs(values):
        if len(run) == 1:
            parts.append(f"M{figure(x(first))},{figure(y(run[0]))}H{figure(x(first + 1))}")
        else:
            parts.append("M" + "L".join(f"{figure(x(first + i + 0.5))},{figure(y(v))}" for i, v in enumerate(run)))
    return "".join(parts)


def band(low: Sequence[float | None], high: Sequence[float | None], x: Scale, y: Scale) -> str:
    """The area between two such lines, which have their gaps in the same places."""
    parts: list[str] = []
    for (first, lower), (_, upper) in zip(_runs(low), _runs(high), strict=True):
        if len(lower) > 1:
            there = [f"{figure(x(first + i + 0.5))},{figure(y(v))}" for i, v in enumerate(upper)]
            back = [f"{figure(x(first + i + 0.5))},{figure(y(v))}" for i, v in reversed(list(enumerate(lower)))]
            parts.append("M" + "L".join(there + back) + "Z")
    return "".join(parts)


def _runs(values: Sequence[float | None]) -> list[tuple[int, list[float]]]:
    runs: list[tuple[int, list[float]]] = []
    previous: float | None = None
    for index, value in enumerate(values):
        if value is not None:
            if previous is None:
                runs.append((index, []))
            runs[-1][1].append(value)
        previous = value
    return runs


def stretched(height: float, *children: Markup, y: float = 0) -> Markup:
    """The inner coordinate system: `UNITS` wide whatever the chart's width, one unit a pixel in height."""
    box = f"0 0 {figure(UNITS)} {figure(height)}"
    return tag("svg", *children, y=y, width="100%", height=height, viewBox=box, preserveAspectRatio="none")


def path(outline: str, **attributes: object) -> Markup:
    """A path whose stroke keeps its width when stretched; nothing when there is nothing to draw."""
    return tag("path", d=outline, vector_effect="non-scaling-stroke", **attributes) if outline else Markup("")


def chart(height: float, *children: Markup, id: str, title: str, desc: str, linked: bool = False) -> Markup:
    """The outer element, named and described for those who do not see it: as one image, or as a group where there are
    links in it, which an image would hide.
    """
    label = tag("title", show(title), id=f"{id}-title") + tag("desc", show(desc, 2000), id=f"{id}-desc")
    return tag(
        "svg",
        label,
        *children,
        class_="chart",
        role="group" if linked else "img",
        width="100%",
        height=height,
        overflow="visible",
        aria_labelledby=f"{id}-title",
        aria_describedby=f"{id}-desc",
    )


def label(text: str, x: object, y: object, **attributes: object) -> Markup:
    """Small text."""
    return tag("text", show(text, 100), x=x, y=y, **({"class_": "label", "font-size": 11, "fill": "#555"} | attributes))


def hatching(name: str, colour: str, kind: str) -> Markup:
    """A pattern of one colour, told from its neighbours by its shape alone, too. Kinds: those of `HATCHINGS`."""
    marks, size = HATCHINGS[kind], 8
    fill, ink = f"fill-{colour}", f"ink-{colour}"
    strokes = (
        tag("path", d=marks, class_=ink, fill="none", stroke=PALETTE[colour], stroke_width=2) if marks else Markup("")
    )
    ground = tag(
        "rect", width=size, height=size, class_=fill, fill=PALETTE[colour], fill_opacity=0.9 if not marks else 0.3
    )
    return tag("pattern", ground, strokes, id=name, width=size, height=size, patternUnits="userSpaceOnUse")


HATCHINGS = {
    "solid": "",
    "rising": "M-2,2L2,-2M0,8L8,0M6,10L10,6",
    "falling": "M-2,6L2,10M0,0L8,8M6,-2L10,2",
    "upright": "M2,0V8M6,0V8",
    "level": "M0,2H8M0,6H8",
    "dots": "M1.5,2h1M5.5,6h1",
    "grid": "M0,4H8M4,0V8",
    "cross": "M0,0L8,8M8,0L0,8",
}


def swatch(pattern: str) -> Markup:
    """The key of a legend."""
    box = tag("rect", width=18, height=12, rx=2, fill=f"url(#{pattern})")
    return tag("svg", box, class_="swatch", width=18, height=12, aria_hidden="true")


def join(parts: Iterable[Markup]) -> Markup:
    """Markup put together."""
    return Markup("").join(parts)
