"""What was said round a violation: a Lamport diagram. Time runs down; each client and each node is a line, a message an
arrow from who sent it to who took it, and an operation a block on its client's line.

Time is not to scale, since a violation has three interesting milliseconds and then two seconds without any: what
follows closely is drawn apart far enough to be read, and long pauses are drawn short and labelled. The order of all
events is kept, so a line that is further down is later, and steeper means slower.

Arrows about the violated key are drawn strongly, others faintly, lost ones dashed up to where they ended in a cross.
Who points at an arrow, or comes to it by keyboard, reads its body; a table holds the same for those who see no picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.messages import Conversation, Fate, Message
from reports.arrows import TAKEN, arrow, fate, points
from reports.backdrop import OUTCOME_LOOKS, Backdrop
from reports.charts import PALETTE, chart, label, tag
from reports.data import FaultRecord
from reports.intervals import Span
from reports.lifelines import OTHERS, Columns, Time
from reports.text import count, show
from reports.whom import whom


@dataclass(frozen=True, slots=True)
class Row:
    """A message in words, for the table. `number` counts from 1 in the order of sending."""

    number: int
    message: Message
    source: str
    dest: str
    fate: str


@dataclass(frozen=True, slots=True)
class Lamport:
    """What a template needs: the names above the lines, the picture, the messages in words, and what is not shown."""

    id: str
    heads: Markup
    svg: Markup
    rows: Sequence[Row]
    columns: int
    left_out: int


def lamport(
    said: Conversation,
    spans: Sequence[Span],
    faults: Sequence[FaultRecord],
    back: Backdrop,
    nodes: Sequence[str],
    id: str,
) -> Lamport:
    """Draws a conversation beside the operations of its violation and the faults that were in force."""
    columns = Columns.of(said, spans, nodes)
    time = Time.of(said, spans)
    height = time.height
    parts = [points(id)]
    parts += [_band(fault, row, columns, time, back) for row, fault in enumerate(one for one in faults if one.applied)]
    parts += [_line(columns, name, height) for name in columns.names]
    parts += time.labels(said)
    parts += [_span(span, columns, time) for span in spans]
    drawn = sorted(enumerate(said.messages, 1), key=lambda numbered: numbered[1].about)
    parts += [arrow(message, number, columns, time, id) for number, message in drawn]
    lost = sum(message.fate not in (*TAKEN, Fate.UNDER_WAY) for message in said.messages)
    desc = (
        f"{count(len(said.messages), 'message')} between {', '.join(columns.heads())}; {lost} of them did not arrive. "
        "The table below lists all of them."
    )
    svg = chart(height, *parts, id=f"{id}-lamport", title="Messages round the violation", desc=desc, linked=True)
    rows = [
        Row(number, one, columns.name_of(one.source, one.process), columns.name_of(one.dest, one.process), fate(one))
        for number, one in enumerate(said.messages, 1)
    ]
    return Lamport(id, _heads(columns), svg, rows, len(columns.names), said.left_out)


def _heads(columns: Columns) -> Markup:
    parts = [
        label(
            head,
            f"{columns.x(name):.2f}%",
            15,
            text_anchor="middle",
            class_=f"label {'lane' if isinstance(name, str) and name != OTHERS else 'client'}",
        )
        for name, head in zip(columns.names, columns.heads(), strict=True)
    ]
    return tag("svg", *parts, class_="chart heads", width="100%", height=22, aria_hidden="true", overflow="visible")


def _line(columns: Columns, name: int | str, height: float) -> Markup:
    x, node = f"{columns.x(name):.2f}%", isinstance(name, str) and name != OTHERS
    kind = "node-line" if node else "client-line"
    return tag(
        "line", x1=x, x2=x, y1=0, y2=height, class_=kind, stroke="#888", stroke_dasharray=None if node else "1 4"
    )


def _band(fault: FaultRecord, row: int, columns: Columns, time: Time, back: Backdrop) -> Markup:
    """A fault on the nodes it hit, and behind everything where it is between them. `row` keeps the names apart."""
    top = time.y(fault.start_ns)
    bottom = time.height if fault.end_ns is None else time.y(fault.end_ns)
    if bottom - top < 1:
        return Markup("")
    at: dict[str, object] = {"y": top, "height": bottom - top}
    colour = back.look(fault.family)[0]
    behind = tag("rect", x=0, width="100%", **at, class_=f"fill-{colour} band", fill=PALETTE[colour], fill_opacity=0.07)
    pattern = f"url(#{back.pattern(fault.family)})"
    strips = [
        tag(
            "rect",
            x=f"{columns.x(node):.2f}%",
            width=12,
            **at,
            transform="translate(-6)",
            fill=pattern,
            fill_opacity=0.55,
        )
        for node in fault.hit
        if node in columns.names
    ]
    name_at = min(top + 13 + 14 * row, max(bottom - 3, top + 10))
    name = label(show(fault.id, 14), "100%", name_at, dx=6, class_="label fault-name")
    words = tag("title", f"{show(fault.id, 60)} in force: {whom(fault)}")
    return tag("g", words, *([behind] if "drops" in fault.resolved else []), *strips, name)


def _span(span: Span, columns: Columns, time: Time) -> Markup:
    x = columns.x(span.invocation.process)
    top = time.y(span.start_ns)
    bottom = time.height if span.completion is None else time.y(span.end_ns)
    colour = PALETTE[OUTCOME_LOOKS[span.outcome][0]]
    words = f"{span.number}: process {span.invocation.process}: {span.call}, {span.answer}"
    right = x < 12
    at: dict[str, object] = {"dx": 10, "text_anchor": "start"} if right else {"dx": -10, "text_anchor": "end"}
    return tag(
        "g",
        tag("title", show(words, 300)),
        tag(
            "rect",
            x=f"{x:.2f}%",
            y=top,
            width=9,
            height=max(bottom - top, 3),
            rx=3,
            transform="translate(-4.5)",
            class_=f"bar bar-{span.outcome}",
            fill=f"url(#outcome-{span.outcome})",
            stroke=colour,
        ),
        label(f"{span.number} · {span.call}", f"{x:.2f}%", top + 4, class_="label call said", **at),
        label(
            show("no answer" if span.open else span.answer, 40), f"{x:.2f}%", bottom + 4, class_="label call said", **at
        ),
    )
