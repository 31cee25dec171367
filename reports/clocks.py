"""How wrong the nodes' clocks were: small multiples, a lane per node, all with one scale, over the time of the run.

Drawn from the evidence of the clock faults alone: what each node's clock was off by when it was read back, not what had
been ordered. Between two readings a drift is drawn as the straight line it is; a strobe as the area between true and
off, since it flips many times a second. Errors reach from milliseconds to a minute in one run, so the scale is
logarithmic on both sides of zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports.backdrop import Backdrop
from reports.charts import PALETTE, UNITS, Scale, chart, figure, label, stretched, swatch, tag
from reports.data import FaultRecord
from reports.figures import Figure, Table
from reports.text import seconds, show

FAMILY = "clock"
NODES_MAX, FAULTS_MAX = 12, 400
LANE, GAP = 46.0, 12.0
MS_NS = 1e6


@dataclass(frozen=True, slots=True)
class Wrong:
    """One node's clock during one fault: how far off it was at the beginning, and when the fault ended, in ms."""

    fault: FaultRecord
    node: str
    kind: str
    from_ms: float
    to_ms: float

    @property
    def worst_ms(self) -> float:
        """The larger of the two."""
        return max(abs(self.from_ms), abs(self.to_ms))


def wrongs(faults: Sequence[FaultRecord]) -> Iterator[Wrong]:
    """What the evidence of clock faults says; nodes on which nothing was measured are passed over."""
    for fault in [fault for fault in faults if fault.family == FAMILY and fault.applied][:FAULTS_MAX]:
        for node, evidence in fault.nodes.items():
            from_ms = _number(evidence.measured, "offset_ms")
            if evidence.status == "applied" and from_ms is not None:
                kind = show(fault.draw.get("kind", ""), 20)
                to_ms = _number(evidence.measured, "drifted_to_ms") if kind == "drift" else None
                yield Wrong(fault, node, kind, from_ms, from_ms if to_ms is None else to_ms)


def _number(measured: Mapping[str, Any], name: str) -> float | None:
    value = measured.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def clock_offsets(back: Backdrop, id: str = "clocks") -> Figure | None:
    """The chart; None where no clock was seen to be wrong."""
    found = list(wrongs(back.faults))
    nodes = sorted({one.node for one in found}, key=lambda name: (len(name), name))[:NODES_MAX]
    if not nodes:
        return None
    most = max(max(one.worst_ms for one in found), 1.0)
    y = _symmetric(most)
    parts = []
    for row, node in enumerate(nodes):
        top = row * (LANE + GAP)
        middle = top + LANE / 2
        parts.append(label(node, -8, middle + 4, text_anchor="end", class_="label lane"))
        parts.append(tag("line", x1=0, x2="100%", y1=middle, y2=middle, class_="axis", stroke="#999"))
        if not row:
            at = {"text_anchor": "end", "class_": "label faint"}
            parts.append(label(f"+{_amount(most)}", "100%", top + 8, dx=-2, **at))
            parts.append(label(f"−{_amount(most)}", "100%", top + LANE + 2, dx=-2, **at))
        mine = [one for one in found if one.node == node]
        parts.append(stretched(LANE, *(_shape(one, back, y) for one in mine), y=top))
    height = len(nodes) * (LANE + GAP)
    desc = "; ".join(
        f"{show(node, 40)}: up to {_amount(max(one.worst_ms for one in found if one.node == node))} off"
        for node in nodes
    )
    svg = chart(
        height + 20, back.after_load(height), *parts, back.axis(height), id=id, title="Clock offsets", desc=desc
    )
    rows = [
        [
            show(one.fault.id, 40),
            show(one.node, 40),
            one.kind,
            seconds(one.fault.start_ns, 2),
            seconds(one.fault.end_ns, 2),
            f"{one.from_ms:+,.3f} ms",
            f"{one.to_ms:+,.3f} ms",
        ]
        for one in found
    ]
    return Figure(
        id,
        "Clocks, by node",
        "How far off true time, as read back from the node; logarithmic, the same for all. Above the line: ahead.",
        svg,
        [(swatch(back.pattern(FAMILY)), "wrong clock")],
        Table(["fault", "node", "kind", "from", "to", "off by", "and at its end"], rows),
    )


def _symmetric(most_ms: float) -> Scale:
    """Onto a lane, from twice the logarithm of what is behind: see `_log`."""
    return Scale(-_log(most_ms), _log(most_ms), LANE - 2, 2)


def _log(ms: float) -> float:
    return math.copysign(math.log10(1 + abs(ms)), ms)


def _shape(one: Wrong, back: Backdrop, y: Scale) -> Markup:
    """The area between true time and the clock, with an edge where the clock was."""
    scale = back.time.end / UNITS
    left = back.time(one.fault.start_ns) / scale
    end_ns = back.time.high if one.fault.end_ns is None else one.fault.end_ns
    right = left if one.kind == "reset" else max(back.time(end_ns) / scale, left)
    right = max(right, left + 2)
    zero = y(0)
    edge = _edge(one, left, right, y)
    outline = f"M{figure(left)},{figure(zero)}L{edge}L{figure(right)},{figure(zero)}Z"
    words = f"{show(one.fault.id, 60)}: {show(one.node, 40)} {one.from_ms:+,.3f} ms"
    if one.to_ms != one.from_ms:
        words += f", at its end {one.to_ms:+,.3f} ms"
    colour = back.look(FAMILY)[0]
    area = tag("path", d=outline, class_="area", fill=f"url(#{back.pattern(FAMILY)})")
    dashes = "4 3" if one.kind == "strobe" else None
    line = tag(
        "path",
        d=f"M{edge}",
        class_=f"ink-{colour} wrong",
        fill="none",
        stroke=PALETTE[colour],
        stroke_width=2,
        stroke_dasharray=dashes,
        vector_effect="non-scaling-stroke",
    )
    return tag("g", tag("title", words), area, line)


def _edge(one: Wrong, left: float, right: float, y: Scale) -> str:
    """A straight drift is a curve on a logarithmic scale."""
    steps = 1 if one.from_ms == one.to_ms else 24
    points = []
    for step in range(steps + 1):
        part = step / steps
        at = one.from_ms + (one.to_ms - one.from_ms) * part
        points.append(f"{figure(left + (right - left) * part)},{figure(y(_log(at)))}")
    return "L".join(points)


def _amount(ms: float) -> str:
    return f"{ms / 1000:,.3g} s" if ms >= 1000 else f"{ms:,.3g} ms"
