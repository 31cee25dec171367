"""A cycle of transactions as people can follow it: a picture, and each of its edges in words.

Transactions are cards in two columns, the first at the top left, and the cycle runs clockwise: along the top, down the
right, up the left. So a card has room for its reads and writes, edges never cross, and a cycle of two looks like one.
Cards on a circle were rejected: they overlap or shrink from three on. Drawn here, so nothing needs to be installed.

An edge says by its label, its dashes and its colour what forces the one before the other; the words beside it name the
reads and writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from harness.operation import Operation, Type
from reports.charts import PALETTE, figure, tag
from reports.text import count, show

if TYPE_CHECKING:
    from harness.checker import Anomaly
    from harness.history import History


@dataclass(frozen=True, slots=True)
class Look:
    """What a kind of edge is called in full, how it is read, and how it is drawn."""

    name: str
    verb: str
    colour: str
    dashes: str | None = None


LOOKS: Mapping[str, Look] = {
    "ww": Look("write, write", "is overwritten by", "vermillion"),
    "wr": Look("write, read", "is read by", "blue"),
    "rw": Look("read, write", "misses what is written by", "purple", "7 4"),
    "process": Look("same process", "comes, in its process, before", "grey", "2 4"),
    "realtime": Look("real time", "ended before the call of", "orange", "10 3 2 3"),
}
OTHER = Look("order", "comes before", "grey")

STEPS_MAX = 16
"""Edges drawn; cycles are the shortest that were found, and one longer than this is told in words alone."""
LINES_MAX = 6
LINE_CHARS_MAX = 34

_CARD = 270.0
_GAP = 150.0
_LINE = 18.0
_PAD = 12.0
_BETWEEN = 62.0
_APART = 14.0


@dataclass(frozen=True, slots=True)
class Card:
    """A transaction: its name in the picture, who ran it, what it did, a line each."""

    name: str
    who: str
    lines: Sequence[str]
    outcome: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One step: both names, the kind, the key it is about, and the sentence that proves it."""

    start: str
    end: str
    kind: str
    key: str | None
    why: str

    @property
    def look(self) -> Look:
        """How it is told and drawn."""
        return LOOKS.get(self.kind, OTHER)


@dataclass(frozen=True, slots=True)
class Cycle:
    """What a template needs. `svg` is empty for a cycle of more than `STEPS_MAX` edges."""

    cards: Sequence[Card]
    edges: Sequence[Edge]
    svg: Markup


def cycle(history: History, anomaly: Anomaly, id: str) -> Cycle | None:
    """The cycle that proves an anomaly, if one does. Steps that are not of the form of `details["cycle"]` are none."""
    steps = _steps(anomaly.details.get("cycle"), len(history))
    if not steps:
        return None
    names = {event: f"T{number}" for number, event in enumerate(dict.fromkeys(step["from"] for step in steps), 1)}
    cards = [_card(history, event, name) for event, name in names.items()]
    edges = [
        Edge(
            names[step["from"]],
            names.get(step["to"], "?"),
            str(step.get("kind")),
            None if step.get("key") is None else str(step["key"]),
            _reason(str(step.get("why") or ""), names[step["from"]], names.get(step["to"], "?")),
        )
        for step in steps
    ]
    drawn = draw(cards, edges, id) if len(cards) == len(edges) and 1 < len(edges) <= STEPS_MAX else Markup("")
    return Cycle(cards, edges, drawn)


def _reason(why: str, start: str, end: str) -> str:
    """What proves a step, without the words that say what it proves."""
    reason = why.removeprefix(f"{start} comes before {end}, ")
    return reason[:1].upper() + reason[1:]


def _steps(raw: Any, events: int) -> list[Mapping[str, Any]]:
    """A verdict is read from a file, so nothing about it is taken for granted."""
    if not isinstance(raw, list | tuple):
        return []
    steps = [step for step in raw if isinstance(step, Mapping)]
    sound = all(isinstance(step.get(end), int) and 0 <= step[end] < events for step in steps for end in ("from", "to"))
    return steps if sound and len(steps) == len(raw) else []


def _card(history: History, event: int, name: str) -> Card:
    call = history[event]
    row = history.completion(event)
    answer = None if row is None else history[row]
    said = answer if answer is not None and answer.type is Type.OK else call
    outcome = "open" if answer is None else answer.type.label
    who = f"process {call.process}" + (f" on {show(call.node, 12)}" if call.node else "")
    return Card(name, who, _lines(said), outcome)


def _lines(op: Operation) -> list[str]:
    """A line for each read and write; of long transactions the first ones, and how many more."""
    if not isinstance(op.value, list | tuple):
        return [_cut(f"{op.f} {show(op.value, 200)}")]
    lines = [_cut(_micro(one)) for one in op.value]
    more = len(lines) - LINES_MAX
    return lines if more <= 0 else [*lines[: LINES_MAX - 1], f"… and {more + 1} more"]


def _micro(one: Any) -> str:
    match one:
        case [str() as f, key, None]:
            return f"{_VERBS.get(f, f)} {show(key, 40)}: nothing"
        case [("r" | "read") as f, key, value]:
            return f"{_VERBS.get(f, f)} {show(key, 40)}: {_tail(value)}"
        case [str() as f, key, value]:
            return f"{_VERBS.get(f, f)} {show(key, 40)} ← {show(value, 80)}"
        case _:
            return show(one, 80)


_VERBS = {"r": "read", "w": "write"}


def _tail(value: Any) -> str:
    """A list by its end, where it differs from older ones."""
    if not isinstance(value, list) or len(value) <= 8:
        return show(value, 80)
    return f"… {json.dumps(value[-6:], ensure_ascii=False)[1:]}"


def _cut(text: str) -> str:
    return text if len(text) <= LINE_CHARS_MAX else text[: LINE_CHARS_MAX - 1] + "…"


def draw(cards: Sequence[Card], edges: Sequence[Edge], id: str) -> Markup:
    """The picture of a cycle whose edge i leads from card i to the next. Raises ValueError for less than two."""
    if len(cards) < 2 or len(cards) != len(edges):
        raise ValueError("a cycle has at least two transactions, and as many edges")
    boxes, height = _layout(cards)
    width = 2 * _CARD + _GAP
    arrows = [_arrow(boxes, place, edge, id) for place, edge in enumerate(edges)]
    kinds = dict.fromkeys(edge.kind for edge in edges)
    words = "; ".join(f"{edge.start} {edge.look.verb} {edge.end}" for edge in edges)
    return tag(
        "svg",
        tag("title", f"A cycle of {count(len(cards), 'transaction')}"),
        tag("desc", words),
        tag("defs", *(_head(kind, id) for kind in kinds)),
        *(_box(card, box) for card, box in zip(cards, boxes, strict=True)),
        *arrows,
        viewBox=f"0 0 {figure(width)} {figure(height)}",
        width=figure(width),
        height=figure(height),
        role="img",
        class_="chart cycle",
        id=f"{id}-cycle",
    )


@dataclass(frozen=True, slots=True)
class Box:
    """Where a card is, its top left corner first; `right` says in which column."""

    x: float
    y: float
    height: float
    right: bool

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def _layout(cards: Sequence[Card]) -> tuple[list[Box], float]:
    """The boxes in the order of the cards, and the height of all. The shorter column spreads over the longer."""
    on_right = (len(cards) + 1) // 2 if len(cards) > 2 else 1
    right = list(range(1, 1 + on_right))
    left = [0, *range(len(cards) - 1, on_right, -1)]
    heights = [2 * _PAD + _LINE * (1 + len(card.lines)) for card in cards]
    needs = [sum(heights[place] for place in column) + _BETWEEN * (len(column) - 1) for column in (left, right)]
    height = max(needs)
    boxes: dict[int, Box] = {}
    for column, need in zip((left, right), needs, strict=True):
        spare = (height - need) / max(len(column) - 1, 1)
        y = 1.0 if len(column) > 1 else 1.0 + (height - need) / 2
        for place in column:
            boxes[place] = Box(_CARD + _GAP - 1 if column is right else 1.0, y, heights[place], column is right)
            y += heights[place] + _BETWEEN + spare
    return [boxes[place] for place in range(len(cards))], height + 2


def _arrow(boxes: Sequence[Box], place: int, edge: Edge, id: str) -> Markup:
    start, end = boxes[place], boxes[(place + 1) % len(boxes)]
    label = edge.kind if edge.key is None else f"{edge.kind} · {show(edge.key, 12)}"
    if start.right == end.right:
        x = start.x + _CARD / 2
        down = start.y < end.y
        y1, y2 = (start.y + start.height, end.y) if down else (start.y, end.y + end.height)
        return _line((x, y1), (x, y2), label, (x + 10, (y1 + y2) / 2 + 4), "start", edge, id)
    x1, x2 = (start.x, end.x + _CARD) if start.right else (start.x + _CARD, end.x)
    # Where one card has both edges between the columns, the one that leaves it is above the one that comes back.
    alone = sum(not box.right for box in boxes) == 1
    shift = (_APART if start.right else -_APART) if alone else 0.0
    y1 = start.middle + (shift if len(boxes) == 2 or not start.right else 0)
    y2 = end.middle + (shift if len(boxes) == 2 or not end.right else 0)
    below = alone and start.right
    away = 8 + min(abs(y2 - y1), _CARD) * 0.22
    at = ((x1 + x2) / 2, (y1 + y2) / 2 + (away + 9 if below else -away))
    return _line((x1, y1), (x2, y2), label, at, "middle", edge, id)


Point = tuple[float, float]


def _line(start: Point, end: Point, label: str, at: Point, anchor: str, edge: Edge, id: str) -> Markup:
    look = edge.look
    (x1, y1), (x2, y2) = start, end
    bend = x2 - x1
    path = (
        f"M{figure(x1)} {figure(y1)}V{figure(y2)}"
        if x1 == x2
        else f"M{figure(x1)} {figure(y1)}C{figure(x1 + bend / 2)} {figure(y1)} {figure(x2 - bend / 2)} {figure(y2)} "
        f"{figure(x2)} {figure(y2)}"
    )
    return tag(
        "g",
        tag("title", f"{edge.start} {look.verb} {edge.end}: {show(edge.why, 400)}"),
        tag(
            "path",
            d=path,
            fill="none",
            class_=f"step ink-{look.colour}",
            stroke=PALETTE[look.colour],
            stroke_width=2,
            stroke_dasharray=look.dashes,
            marker_end=f"url(#{id}-head-{_safe(edge.kind)})",
        ),
        tag("text", label, x=at[0], y=at[1], text_anchor=anchor, class_="step-name", font_size=12),
    )


def _safe(kind: str) -> str:
    return kind if kind in LOOKS else "other"


def _head(kind: str, id: str) -> Markup:
    look = LOOKS.get(kind, OTHER)
    return tag(
        "marker",
        tag("path", d="M0 0L10 5L0 10z", class_=f"fill-{look.colour}", fill=PALETTE[look.colour]),
        id=f"{id}-head-{_safe(kind)}",
        viewBox="0 0 10 10",
        refX="9.5",
        refY="5",
        markerWidth="9",
        markerHeight="9",
        markerUnits="userSpaceOnUse",
        orient="auto",
    )


def _box(card: Card, box: Box) -> Markup:
    x, y = box.x + _PAD, box.y + _PAD + 12
    outcome = "" if card.outcome == "ok" else f" · {card.outcome}"
    head = tag(
        "text",
        tag("tspan", card.name, font_weight=700, class_="name"),
        tag("tspan", f"  {card.who}{outcome}", class_="who"),
        x=x,
        y=y,
        font_size=12,
    )
    lines = [
        tag("text", line, x=x, y=y + _LINE * number, class_="call", font_size=12, font_family="monospace")
        for number, line in enumerate(card.lines, 1)
    ]
    return tag(
        "g",
        tag(
            "rect",
            x=box.x,
            y=box.y,
            width=_CARD - 1,
            height=box.height,
            rx=8,
            class_="card",
            fill="#fff",
            stroke="#888",
            stroke_dasharray=None if card.outcome == "ok" else "5 4",
        ),
        head,
        *lines,
    )
