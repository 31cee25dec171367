"""Charts in lanes: the faults by family, and who was served by node."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.backdrop import Backdrop
from reports.charts import PALETTE, UNITS, Scale, chart, label, path, steps, stretched, swatch, tag
from reports.data import FaultRecord
from reports.figures import Figure, Table
from reports.series import Series
from reports.text import count, percent, seconds, show
from reports.whom import whom

LANE = 22


def fault_lanes(back: Backdrop, id: str = "lanes") -> Figure:
    """One lane per family; what was not surely applied is drawn hollow."""
    height = LANE * max(len(back.families), 1)
    parts = [back.after_load(height + 4)]
    for row, family in enumerate(back.families):
        y = row * LANE
        parts.append(label(family, -8, y + 14, text_anchor="end", class_="label lane"))
        parts.append(tag("line", x1=0, x2="100%", y1=y + LANE - 2.5, y2=y + LANE - 2.5, class_="grid", stroke="#ddd"))
        for start_ns, end_ns, faults in back.spans(family):
            parts.append(_lane_mark(back, family, y, start_ns, end_ns, faults))
    if back.load_end_ns is not None:
        parts.append(label("load ends", back.time.percent(back.load_end_ns), -5, text_anchor="end"))
    applied = sum(fault.applied for fault in back.faults)
    desc = (
        f"{count(len(back.faults), 'fault')}, {applied} of them applied. All are listed below, with evidence per node."
    )
    svg = chart(height + 24, *parts, back.axis(height + 2), id=id, title="Faults over time", desc=desc, linked=True)
    legend = [(swatch(back.pattern(family)), show(family, 40)) for family in back.families]
    return Figure(
        id,
        "Faults in force",
        "Hatched: applied, with evidence from the nodes. Hollow: skipped or unknown.",
        svg,
        legend,
    )


def _lane_mark(back: Backdrop, family: str, y: float, start_ns: int, end_ns: int, faults: list[FaultRecord]) -> Markup:
    first, colour = faults[0], PALETTE[back.look(family)[0]]
    applied = any(fault.applied for fault in faults)
    words = f"{first.id} ({first.status}): {seconds(start_ns)} to {seconds(end_ns)}, {whom(first)}"
    if len(faults) > 1:
        words = f"{len(faults)} faults of this family: {seconds(start_ns)} to {seconds(end_ns)}"
    mark = tag(
        "rect",
        tag("title", show(words)),
        x=back.time.percent(start_ns),
        width=back.width(start_ns, end_ns),
        y=y + 2,
        height=LANE - 7,
        rx=2,
        class_=f"ink-{back.look(family)[0]}",
        fill=f"url(#{back.pattern(family)})" if applied else "none",
        stroke=colour,
        stroke_dasharray=None if applied else "3 2",
    )
    return tag("a", mark, href=f"#{first.anchor}", tabindex=-1) if len(faults) == 1 else mark


def service(series: Series, back: Backdrop, id: str = "service") -> Figure:
    """A lane per node: the share of its workers' operations that were answered.

    What is missing hangs from the top, hatched.
    """
    lane, gap = 30.0, 8.0
    height = (lane + gap) * max(len(series.nodes), 1)
    x = Scale(0, back.time.high / series.cell_ns, 0, UNITS)
    parts = []
    for row, use in enumerate(series.nodes):
        y = row * (lane + gap)
        up = Scale(0, 1, lane, 0)
        parts.append(label(use.node, -8, y + lane / 2 + 4, text_anchor="end", class_="label lane"))
        for start, got, asked in _asked(use.served, use.total):
            at = Scale(0, x.high - start, x(start), UNITS)
            answered = [part / whole for part, whole in zip(got, asked, strict=True)]
            ground, top = [0.0] * len(answered), [1.0] * len(answered)
            parts.append(
                stretched(
                    lane,
                    path(steps(answered, ground, at, up), class_="area area-ok", fill="url(#outcome-ok)"),
                    path(steps(top, answered, at, up), class_="area area-info", fill="url(#outcome-info)"),
                    y=y,
                )
            )
    desc = "; ".join(f"{use.node}: {percent(use.overall[0] / max(use.overall[1], 1))} answered" for use in series.nodes)
    svg = chart(
        height + 20,
        back.bands(height),
        *parts,
        back.axis(height),
        id=id,
        title="Operations answered, by node",
        desc=desc,
    )
    cells = len(series.nodes[0].total) if series.nodes else 0
    rows = [
        [seconds(cell * series.cell_ns, 2), *(_of(use.served[cell], use.total[cell]) for use in series.nodes)]
        for cell in range(cells)
    ]
    return Figure(
        id,
        "Served, by node",
        "The share answered, by the node the client is bound to. Full height: 100 %. Gaps: nothing asked.",
        svg,
        [(swatch("outcome-ok"), "answered (ok or refused)"), (swatch("outcome-info"), "failed or unknown")],
        Table(["from", *(show(use.node, 40) for use in series.nodes)], rows),
    )


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else "–"


def _asked(served: Sequence[int], total: Sequence[int]) -> list[tuple[int, list[int], list[int]]]:
    """The stretches of cells in which anything was asked at all."""
    stretches: list[tuple[int, list[int], list[int]]] = []
    for cell, (got, asked) in enumerate(zip(served, total, strict=True)):
        if asked:
            if not cell or not total[cell - 1]:
                stretches.append((cell, [], []))
            stretches[-1][1].append(got)
            stretches[-1][2].append(asked)
    return stretches
