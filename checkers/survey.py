"""Who was answered when: the client operations of a run, counted by period, by fault window and by side.

The timeline is cut at every moment at which anything changes (a fault comes or goes, a window begins or ends), the
operations of each piece are counted per node, and the pieces are summed up. Operations belong to the piece in which
they were invoked.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from checkers.tally import Count, Tally
from harness.answers import Answers
from harness.faults import FaultSpan, Status
from harness.regimes import Regime, Side, cluster_nodes, regime_at, regimes

PERIODS = ("before", "during", "between", "after")
"""Before the first fault; inside a window; outside the windows while faults still came and went; after the last was
healed."""

WITNESSES_MAX = 8
"""How many unanswered operations are kept as proof."""


@dataclass(frozen=True, slots=True)
class Window:
    """`[start_ns, end_ns)`: when one fault was surely in force. With an empty `fault` it is the load of a run without
    faults."""

    fault: str
    family: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Survey:
    """The sums. `judged` are the operations inside the windows on the side asked for, past what is left out; `sides`
    and `windows` are the judged parts of the windows by side; `unanswered` are invocations out of `judged` that got no
    answer."""

    judged: Tally
    overall: Tally
    periods: Mapping[str, Tally]
    sides: Mapping[Side, Tally]
    windows: Sequence[tuple[Window, Mapping[Side, Count]]]
    unanswered: list[int] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Counts, shares and latencies of all of it."""
        return {
            "judged": self.judged.to_json(),
            "overall": self.overall.to_json(),
            "periods": {name: tally.to_json() for name, tally in self.periods.items()},
            "sides": {side.value: tally.to_json() for side, tally in self.sides.items()},
            "windows": [
                {
                    "fault": window.fault,
                    "family": window.family,
                    "start_s": window.start_ns / 1e9,
                    "end_s": window.end_ns / 1e9,
                    "sides": {side.value: count.to_json() for side, count in counts.items() if count.ops},
                }
                for window, counts in self.windows
            ],
        }


def take(
    answers: Answers, faults: Sequence[FaultSpan], windows: Sequence[Window], *, after_ns: int, side: Side | None
) -> Survey:
    """Surveys a run. Within `after_ns` of the beginning of any fault nothing is judged; `side` None judges all of
    them."""
    found = Survey(
        judged=Tally(),
        overall=Tally(),
        periods={name: Tally() for name in PERIODS},
        sides={one: Tally() for one in Side},
        windows=[(window, {one: Count() for one in Side}) for window in windows],
    )
    for piece in _pieces(answers, faults, windows, after_ns):
        for node, (tally, unanswered) in _by_node(answers, piece).items():
            found.overall.add(tally)
            found.periods[piece.period].add(tally)
            if not piece.judged:
                continue
            where = piece.regime.sides.get(answers.nodes[node], Side.UNKNOWN) if node >= 0 else Side.UNKNOWN
            found.sides[where].add(tally)
            for window in piece.windows:
                found.windows[window][1][where].add(tally.count)
            if side in (None, where):
                found.judged.add(tally)
                found.unanswered.extend(unanswered)
    found.unanswered.sort()
    del found.unanswered[WITNESSES_MAX:]
    return found


@dataclass(frozen=True, slots=True)
class _Piece:
    start_ns: int
    end_ns: int | None
    period: str
    regime: Regime
    windows: Sequence[int]
    judged: bool


def _pieces(
    answers: Answers, faults: Sequence[FaultSpan], windows: Sequence[Window], after_ns: int
) -> Sequence[_Piece]:
    tried = [fault for fault in faults if fault.status is not Status.SKIPPED]
    timeline = regimes(faults, cluster_nodes(answers.nodes, faults))
    first = min((fault.injected_at_ns for fault in tried), default=None)
    healed = [math.inf if fault.healed_at_ns is None else fault.healed_at_ns for fault in tried]
    last = max(healed, default=0)
    graces = [(fault.injected_at_ns, fault.start_ns + after_ns) for fault in tried] if after_ns else []
    edges = {regime.start_ns for regime in timeline}
    edges.update(edge for window in windows for edge in (window.start_ns, window.end_ns))
    edges.update(edge for grace in graces for edge in grace)
    starts = sorted(edges)
    pieces = []
    for start_ns, end_ns in zip(starts, [*starts[1:], None], strict=True):
        inside = [place for place, window in enumerate(windows) if window.start_ns <= start_ns < window.end_ns]
        if inside:
            period = "during"
        elif first is None or start_ns < first:
            period = "before"
        else:
            period = "between" if start_ns < last else "after"
        judged = bool(inside) and not any(begin <= start_ns < end for begin, end in graces)
        pieces.append(_Piece(start_ns, end_ns, period, regime_at(timeline, start_ns), inside, judged))
    return pieces


def _by_node(answers: Answers, piece: _Piece) -> dict[int, tuple[Tally, list[int]]]:
    asked: dict[int, int] = {}
    latencies: dict[int, array[int]] = {}
    unanswered: dict[int, list[int]] = {}
    node_of, served = answers.node, answers.served
    invoked, completed = answers.invoked_ns, answers.completed_ns
    for row in answers.between(piece.start_ns, piece.end_ns):
        node = node_of[row]
        if node not in asked:
            asked[node], latencies[node], unanswered[node] = 0, array("q"), []
        asked[node] += 1
        if served[row]:
            latencies[node].append(completed[row] - invoked[row])
        elif len(unanswered[node]) < WITNESSES_MAX:
            unanswered[node].append(answers.index[row])
    return {
        node: (Tally(Count(ops, len(latencies[node])), latencies[node]), unanswered[node])
        for node, ops in asked.items()
    }
