"""The messages of a Lamport diagram: an arrow each, with what became of it and, while it is pointed at, its body."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.messages import Fate, Message
from reports.charts import figure, label, tag
from reports.lifelines import STEP_MAX, Columns, Time
from reports.text import duration, show

FATES = {
    Fate.ARRIVED: "arrived",
    Fate.HELD: "waited for a paused node",
    Fate.CUT: "dropped",
    Fate.LOST: "lost",
    Fate.DOWN: "nobody listened",
    Fate.CLOSED: "the connection had broken",
    Fate.LATE: "the client had given up",
    Fate.UNDER_WAY: "still under way",
}
TAKEN = (Fate.ARRIVED, Fate.HELD)
_ON_THE_WAY = (Fate.CUT, Fate.LOST, Fate.UNDER_WAY)
_INKS = {"about": "#1d2026", "other": "#9aa0aa"}
_GONE = "#D55E00"
_TIP_CHARS, _TIP_LINES = 64, 2


def fate(message: Message) -> str:
    """What became of it, in words, and which faults did that."""
    by = f" by {', '.join(show(fault, 40) for fault in message.faults[:4])}" if message.faults else ""
    return FATES[message.fate] + by


def points(id: str) -> Markup:
    """The heads of the arrows of a diagram with this id."""
    heads = [
        tag(
            "marker",
            tag("path", d="M0,0L7,3.5L0,7Z", class_=f"head-{kind}", fill=ink),
            id=f"{id}-{kind}",
            viewBox="0 0 7 7",
            refX=7,
            refY=3.5,
            markerWidth=7,
            markerHeight=7,
            markerUnits="userSpaceOnUse",
            orient="auto",
        )
        for kind, ink in _INKS.items()
    ]
    return tag("defs", *heads)


def arrow(message: Message, number: int, columns: Columns, time: Time, id: str) -> Markup:
    """From who sent it to who took it; one that nobody took ends in a cross, half way if it was lost between nodes. A
    link to its row in the table."""
    source, dest = columns.of_end(message.source, message.process), columns.of_end(message.dest, message.process)
    if source is None or dest is None:
        return Markup("")
    way = _Way.of(message, columns.x(source), columns.x(dest), time)
    taken, kind = message.fate in TAKEN, "about" if message.about else "other"
    ink = _INKS[kind] if taken else _GONE
    ends = {"x1": f"{way.x1:.2f}%", "x2": f"{way.x2:.2f}%", "y1": way.y1, "y2": way.y2}
    parts = [
        tag("line", **ends, stroke="transparent", stroke_width=9),
        tag(
            "line",
            **ends,
            class_="arrow",
            stroke=ink,
            stroke_width=1.4 if message.about else 1,
            stroke_dasharray=None if taken else "5 3",
            marker_end=f"url(#{id}-{kind})" if taken else None,
        ),
    ]
    if not taken and message.fate is not Fate.UNDER_WAY:
        cross = tag("path", d="M-4,-4L4,4M4,-4L-4,4", class_="cross", stroke=ink, stroke_width=2)
        parts.append(tag("svg", cross, x=f"{way.x2:.2f}%", y=way.y2, overflow="visible", width=1, height=1))
    if message.about or not taken:
        parts.append(_name(message, way, taken))
    parts.append(_tip(message, way))
    between = f"{columns.name_of(message.source, message.process)} to {columns.name_of(message.dest, message.process)}"
    return tag(
        "a",
        *parts,
        href=f"#{id}-m{number}",
        class_=f"message {kind}{'' if taken else ' gone'}",
        aria_label=f"{show(message.type, 60)} from {between}: {fate(message)}",
        tabindex=0 if message.about else -1,
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """From where to where: percent of the width, pixels down."""

    x1: float
    y1: float
    x2: float
    y2: float

    @classmethod
    def of(cls, message: Message, x1: float, x2: float, time: Time) -> _Way:
        y1, y2 = time.y(message.sent_ns), time.height if message.ended_ns is None else time.y(message.ended_ns)
        if message.fate in TAKEN:
            return cls(x1, y1, x2, y2)
        return cls(x1, y1, x1 + (x2 - x1) * (0.5 if message.fate in _ON_THE_WAY else 0.93), min(y2, y1 + STEP_MAX))

    @property
    def rightwards(self) -> bool:
        return self.x2 >= self.x1


def _name(message: Message, way: _Way, taken: bool) -> Markup:
    """Its type, before the line that took it or behind the cross."""
    by = f": {', '.join(message.faults[:2])}" if message.faults else ""
    before = way.rightwards == taken
    return label(
        show(message.type, 24) + show(by, 40),
        f"{way.x2:.2f}%",
        way.y2 - 4,
        class_="label said",
        dx=-9 if before else 9,
        text_anchor="end" if before else "start",
    )


def _tip(message: Message, way: _Way) -> Markup:
    """The body, shown while the arrow is pointed at."""
    text = show(message.body, _TIP_CHARS * _TIP_LINES)
    lines = [text[at : at + _TIP_CHARS] for at in range(0, len(text), _TIP_CHARS)][: _TIP_LINES + 1]
    first = f"{show(message.type, 40)} · {fate(message)}"
    if message.ended_ns is not None and message.fate in TAKEN:
        first += f" after {duration(message.ended_ns - message.sent_ns)}"
    width = 6.8 * max(map(len, [first, *lines])) + 16
    words = [
        tag("text", line, x=8, y=17 + 15 * row, class_="tip-body" if row else "tip-head", font_size=11)
        for row, line in enumerate([first, *lines])
    ]
    box = tag(
        "rect", width=figure(width), height=15 * len(words) + 10, rx=5, class_="tip-box", fill="#fff", stroke="#888"
    )
    x = (way.x1 + way.x2) / 2
    # As far to the left as it stands to the right, so that it stays inside.
    inner = tag("g", box, *words, transform=f"translate({figure(-width * min(max(x, 0), 100) / 100)})")
    at = {"x": f"{x:.2f}%", "y": max(way.y1, way.y2) + 8, "width": 1, "height": 1}
    return tag("svg", inner, **at, overflow="visible", class_="tip", visibility="hidden")
