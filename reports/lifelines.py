"""Where things are in a Lamport diagram: the lines of clients and nodes from left to right, and time from top to
bottom."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.messages import Conversation
from reports.charts import label, tag
from reports.intervals import Span
from reports.text import duration, seconds, show

NODES_MAX = 12
OTHERS = "other clients"

STEP_MAX = 34.0
"""How far apart, at most, two events are drawn; in pixels."""

_CLOSE, _READABLE = 4.0, 15.0
_PAUSE_NS = 20_000_000
"""From here on a pause is labelled."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The lines from left to right: each node, with the clients of the violation that speak to it on its left. A client
    is an int, its process; all others share one line."""

    names: Sequence[int | str]

    @classmethod
    def of(cls, said: Conversation, spans: Sequence[Span], nodes: Sequence[str]) -> Columns:
        clients: dict[str | None, list[int]] = {}
        for span in spans:
            mine = clients.setdefault(span.invocation.node, [])
            if (process := span.invocation.process) is not None and process not in mine:
                mine.append(process)
        ours = {process for mine in clients.values() for process in mine}
        ends = {end for one in said.messages for end in (one.source, one.dest)}
        shown = [node for node in nodes if node in clients or node in ends][:NODES_MAX]
        names: list[int | str] = [process for node, mine in clients.items() if node not in shown for process in mine]
        if any(one.process not in ours for one in said.messages if not {one.source, one.dest} <= set(nodes)):
            names.append(OTHERS)
        for node in shown:
            names += [process for process in clients.get(node, []) if process not in names]
            names.append(node)
        return cls(names)

    def x(self, name: int | str | None) -> float:
        """In percent of the width."""
        place = self.names.index(name) if name in self.names else -0.5
        return (place + 0.5) * 100 / max(len(self.names), 1)

    def of_end(self, end: str, process: int | None) -> int | str | None:
        """The line of one end of a message; None for a node beyond `NODES_MAX`."""
        if end in self.names:
            return end
        return process if process in self.names else OTHERS if OTHERS in self.names else None

    def name_of(self, end: str, process: int | None) -> str:
        """The same in words."""
        if process is None or end in self.names:
            return show(end, 40)
        return f"process {process}"

    def heads(self) -> list[str]:
        return [f"process {name}" if isinstance(name, int) else show(name, 20) for name in self.names]


@dataclass(frozen=True, slots=True)
class Time:
    """From times to pixels: piecewise linear between the events."""

    times: Sequence[int]
    places: Sequence[float]
    first_ns: int

    @classmethod
    def of(cls, said: Conversation, spans: Sequence[Span]) -> Time:
        wanted: dict[int, float] = {}
        for one in said.messages:
            wanted.setdefault(one.sent_ns, _CLOSE)
            if one.ended_ns is not None:
                wanted[one.ended_ns] = max(wanted.get(one.ended_ns, 0), _READABLE if one.about else _CLOSE)
        for span in spans:
            wanted[span.start_ns] = wanted[span.end_ns] = _READABLE
        times, places, y = sorted(wanted), [], 0.0
        for place, time_ns in enumerate(times):
            gap_ns = time_ns - times[place - 1] if place else 0
            y += max(wanted[time_ns], min(STEP_MAX, 6 * math.log2(1 + gap_ns / 250_000)))
            y += 14 if gap_ns >= _PAUSE_NS else 0
            places.append(y)
        return cls(times, places, min((span.start_ns for span in spans), default=times[0] if times else 0))

    @property
    def height(self) -> float:
        return (self.places[-1] if self.places else 0) + 26

    def y(self, time_ns: int) -> float:
        place = bisect_right(self.times, time_ns)
        if place == 0:
            return 0
        if place == len(self.times):
            beyond = time_ns > self.times[-1]
            return self.height if beyond else self.places[-1]
        low, high = self.times[place - 1], self.times[place]
        return self.places[place - 1] + (time_ns - low) / (high - low) * (self.places[place] - self.places[place - 1])

    def labels(self, said: Conversation) -> list[Markup]:
        """Times since the first operation began, where there is room, and how long the pauses are."""
        parts, last = [], -100.0
        for place, (time_ns, y) in enumerate(zip(self.times, self.places, strict=True)):
            gap_ns = time_ns - self.times[place - 1] if place else 0
            if gap_ns >= _PAUSE_NS:
                middle = (y + self.places[place - 1]) / 2
                parts.append(tag("line", x1=0, x2="100%", y1=middle, y2=middle, class_="pause", stroke="#999"))
                parts.append(label(f"{duration(gap_ns)} later", -8, middle + 4, text_anchor="end", class_="label gap"))
                last = middle
            if y - last >= 26 and (place + 1 == len(self.times) or self.times[place + 1] - time_ns < _PAUSE_NS):
                since = time_ns - self.first_ns
                length = duration(abs(since)) if abs(since) < 1_000_000_000 else seconds(abs(since), 4)
                words = f"{'−' if since < 0 else '+'}{length}" if since else "0"
                parts.append(label(words, -8, y + 4, text_anchor="end"))
                last = y
        return parts
