"""Operations to scale: one a row, in the order of invocation, over the faults then in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.operation import Operation
from reports.backdrop import OUTCOME_LOOKS
from reports.charts import PALETTE, Scale, chart, label, nice, tag
from reports.data import FaultRecord
from reports.text import count, duration, rounded, seconds, show

ROW = 34


@dataclass(frozen=True, slots=True)
class Span:
    """One operation: its two events, and what to say about each. `number` counts from 1 in the order of invocation."""

    number: int
    invocation: Operation
    completion: Operation | None
    call: str
    answer: str
    outcome: str

    @property
    def open(self) -> bool:
        """Whether it may still take effect after its completion."""
        return self.outcome == "info"

    @property
    def start_ns(self) -> int:
        """When it was invoked."""
        return self.invocation.time

    @property
    def end_ns(self) -> int:
        """When it was answered or given up; when it was invoked, if neither."""
        return (self.completion or self.invocation).time


def intervals(spans: Sequence[Span], faults: Sequence[FaultRecord], id: str) -> Markup:
    """The operations on a time axis, one a row, in the order of invocation."""
    if not spans:
        return Markup("")
    first_ns, last_ns = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    margin_ns = max((last_ns - first_ns) * 0.06, 1000)
    time = Scale(first_ns - margin_ns, last_ns + margin_ns, 0, 100)
    height = ROW * len(spans) + 6
    parts = [_fault_band(fault, time, height) for fault in faults if fault.applied]
    for row, span in enumerate(spans):
        parts.extend(_bar(span, time, row * ROW))
    parts.extend(_ticks(time, first_ns, last_ns, height))
    desc = f"{count(len(spans), 'operation')} in {duration(last_ns - first_ns)}, from {seconds(first_ns)} on."
    return chart(height + 20, *parts, id=f"{id}-intervals", title="The operations to scale", desc=desc)


def _fault_band(fault: FaultRecord, time: Scale, height: float) -> Markup:
    end_ns = time.high if fault.end_ns is None else fault.end_ns
    width = f"{time(end_ns) - time(fault.start_ns):.2f}%"
    words = tag("title", f"{show(fault.id)} in force")
    return tag(
        "rect",
        words,
        x=time.percent(fault.start_ns),
        width=width,
        y=0,
        height=height,
        class_="fault-band",
        fill="#888",
        fill_opacity=0.12,
    )


def _bar(span: Span, time: Scale, y: float) -> list[Markup]:
    colour = PALETTE[OUTCOME_LOOKS[span.outcome][0]]
    start = time(span.start_ns)
    end = time.end if span.open else time(span.end_ns)
    middle, kind = y + 22, f"bar-{span.outcome}"
    on_left = start > 60
    text_x, anchor = (time.percent(span.end_ns), "end") if on_left else (time.percent(span.start_ns), "start")
    parts = [
        tag("line", x1=0, x2="100%", y1=middle, y2=middle, class_="grid", stroke="#eee"),
        label(
            f"{span.number} · {show(span.invocation.node, 10)}" if span.invocation.node else f"{span.number}",
            -8,
            middle + 4,
            text_anchor="end",
            class_="label lane",
        ),
        label(
            f"{span.call} · {'no answer' if span.open else span.answer}",
            text_x,
            y + 12,
            text_anchor=anchor,
            class_="label call",
        ),
        tag(
            "rect",
            x=f"{start:.2f}%",
            width=f"{max(end - start, 0.15):.2f}%",
            y=middle - 4,
            height=8,
            class_=f"bar {kind}",
            fill=f"url(#outcome-{span.outcome})",
            stroke=colour,
        ),
        tag(
            "line",
            x1=f"{start:.2f}%",
            x2=f"{start:.2f}%",
            y1=middle - 7,
            y2=middle + 7,
            class_="edge",
            stroke="#333",
            stroke_width=1.5,
        ),
    ]
    if not span.open:
        parts.append(
            tag(
                "line",
                x1=f"{end:.2f}%",
                x2=f"{end:.2f}%",
                y1=middle - 7,
                y2=middle + 7,
                class_="edge",
                stroke="#333",
                stroke_width=1.5,
            )
        )
    return parts


def _ticks(time: Scale, first_ns: int, last_ns: int, height: float) -> list[Markup]:
    step = nice(max(last_ns - first_ns, 1000) / 4)
    parts = [tag("line", x1=0, x2="100%", y1=height, y2=height, class_="axis", stroke="#999")]
    for index in range(int((last_ns - first_ns) / step) + 1):
        x = time.percent(first_ns + index * step)
        parts.append(tag("line", x1=x, x2=x, y1=height, y2=height + 4, class_="axis", stroke="#999"))
        parts.append(label(f"+{rounded(index * step)}" if index else "0", x, height + 16, text_anchor="middle"))
    return parts
