"""What all charts of a run share: the time axis, how each kind of thing looks, and the bands of the faults.

A colour never speaks alone: every family of faults and every outcome has a hatching of its own, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.charts import PALETTE, UNITS, Scale, figure, hatching, join, label, tag, ticks
from reports.data import FaultRecord
from reports.series import Series

MARKS_MAX = 400
"""Faults drawn one by one in a lane; beyond it those that touch are drawn as one."""

FAMILIES = {
    "partition": ("blue", "rising"),
    "kill": ("vermillion", "cross"),
    "pause": ("sky", "upright"),
    "clock": ("yellow", "dots"),
    "packet": ("grey", "level"),
    "disk": ("purple", "grid"),
    "membership": ("green", "falling"),
}
_OTHERS = [("orange", "grid"), ("purple", "level"), ("green", "dots"), ("blue", "cross"), ("vermillion", "upright")]

OUTCOME_LOOKS = {
    "ok": ("green", "solid", "ok", "it happened"),
    "refused": ("sky", "level", "refused", "a compare-and-set found another value, and said so"),
    "fail": ("orange", "rising", "failed", "it did not happen"),
    "info": ("purple", "grid", "unknown", "no answer in time: it may or may not have happened"),
}


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What all charts of a run share: the time axis, the faults, and how each family looks."""

    time: Scale
    faults: Sequence[FaultRecord]
    families: Sequence[str]
    load_end_ns: int | None

    @classmethod
    def of(cls, series: Series, faults: Sequence[FaultRecord], span_ns: int | None = None) -> Backdrop:
        """`span_ns` stretches the axis, for charts that are to be compared."""
        families = sorted({fault.family for fault in faults}, key=lambda name: (name not in FAMILIES, name))
        return cls(Scale(0, span_ns or series.span_ns, 0, 100), faults, families, series.phases.get("heal"))

    def look(self, family: str) -> tuple[str, str]:
        """Colour and hatching of a family, always the same one for those that are bundled."""
        others = [name for name in self.families if name not in FAMILIES]
        return FAMILIES.get(family) or _OTHERS[others.index(family) % len(_OTHERS)]

    def pattern(self, family: str) -> str:
        """The id of its pattern."""
        return f"family-{self.families.index(family)}"

    def definitions(self) -> Markup:
        """The patterns all charts of a page refer to. Not hidden by `display`, which would unmake them."""
        families = [hatching(self.pattern(family), *self.look(family)) for family in self.families]
        outcomes = [hatching(f"outcome-{name}", look[0], look[1]) for name, look in OUTCOME_LOOKS.items()]
        return tag("svg", tag("defs", *families, *outcomes), class_="patterns", width=0, height=0, aria_hidden="true")

    def spans(self, family: str) -> list[tuple[int, int, list[FaultRecord]]]:
        """The faults of a family as `(start_ns, end_ns, faults)`, merged where they touch on the page once there are
        too many.
        """
        mine = sorted((fault for fault in self.faults if fault.family == family), key=lambda fault: fault.start_ns)
        gap_ns = self.time.high / UNITS if len(mine) > MARKS_MAX else -1
        merged: list[tuple[int, int, list[FaultRecord]]] = []
        for fault in mine:
            end_ns = int(self.time.high) if fault.end_ns is None else fault.end_ns
            if merged and gap_ns >= 0 and fault.start_ns - merged[-1][1] <= gap_ns:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end_ns), [*merged[-1][2], fault])
            else:
                merged.append((fault.start_ns, end_ns, [fault]))
        return merged

    def bands(self, height: float) -> Markup:
        """The faults behind a chart, and the time after the load."""
        parts = []
        for family in self.families:
            colour = self.look(family)[0]
            for start_ns, end_ns, faults in self.spans(family):
                if any(fault.applied for fault in faults):
                    parts.append(
                        tag(
                            "rect",
                            x=self.time.percent(start_ns),
                            width=self.width(start_ns, end_ns),
                            y=0,
                            height=height,
                            class_=f"fill-{colour} band",
                            fill=PALETTE[colour],
                            fill_opacity=0.08,
                        )
                    )
        return join(parts) + self.after_load(height)

    def after_load(self, height: float) -> Markup:
        """A line where the load ended and the healing began."""
        if self.load_end_ns is None:
            return Markup("")
        x = self.time.percent(self.load_end_ns)
        return tag("line", x1=x, x2=x, y1=0, y2=height, class_="mark", stroke="#888", stroke_dasharray="2 3")

    def axis(self, y: float) -> Markup:
        """The time axis in seconds."""
        parts = [tag("line", x1=0, x2="100%", y1=y, y2=y, class_="axis", stroke="#999")]
        marks = ticks(self.time.high / 1e9, 7)
        for index, mark in enumerate(marks):
            x = self.time.percent(mark * 1e9)
            anchor = "start" if index == 0 else "end" if self.time(mark * 1e9) > 97 else "middle"
            unit = " s" if index == len(marks) - 1 else ""
            parts.append(tag("line", x1=x, x2=x, y1=y, y2=y + 4, class_="axis", stroke="#999"))
            parts.append(label(f"{mark:g}{unit}", x, y + 16, text_anchor=anchor))
        return join(parts)

    def width(self, start_ns: float, end_ns: float) -> str:
        """How wide a span is drawn: never so thin that it is not seen."""
        return figure(max(self.time(end_ns) - self.time(start_ns), 0.15)) + "%"
