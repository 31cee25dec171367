"""Containment: how much of the data is lost to clients with the nodes that are.

A store that is cut into shards, each with a few owners, promises that a node takes its own keys with it and no others.
Which these are, only the store knows, and it is not asked: it is enough that there are not too many. The timeline is
cut wherever a fault comes or goes. In each piece some nodes are *away*: not on the majority side (`harness.regimes`),
because they are down or cut off. Of what clients on the majority side asked meanwhile, a key is *lost* if less than its
share was answered; and each node that is away may take so large a part of the keys with it, and no larger one.

Keys are dealt to nodes by a hash, as if by lot. So a node whose part of the data is p may have more than that of the
few keys of a run: of k keys about kp, and seldom more than three standard deviations above, sqrt(kp(1 - p)) each. That
much is allowed. Where it is all there is, a loss of everything would not be seen, and nothing is said.

Pieces are judged apart, because another node takes other keys with it. The first seconds of each can be left out
(`after`): until a client has noticed that an owner is gone, it may hold up others, and a node that comes back needs a
moment to serve.

Rejected: asking the target whose a key is (whoever always names a node that is down would always be excused), and
availability with a lower bound (a store that fails every fourth operation on every key is not one that lost a quarter
of its keys).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from checkers.tally import Count
from harness.answers import Answers, client_answers
from harness.checker import Anomaly, Budget, Result
from harness.errors import UsageError
from harness.faults import load_end_ns, spans
from harness.regimes import Side, cluster_nodes, regimes
from harness.units import duration_s
from harness.verdict import Verdict

if TYPE_CHECKING:
    from harness.history import History

DEVIATIONS = 3
"""By so many standard deviations the keys of a node may exceed its part."""

WITNESSES_MAX = 8
"""How many unanswered operations an anomaly names."""


class Containment:
    """`{contained: {times, min, after}}`: each node that is away takes at most so many `times` its fair part of the
    data with it, which is one nth of n nodes (default 1). A key is lost where less than the share `min` of the
    operations on it was answered (default 0.5). `after` is a duration left out at the start of each piece of the
    timeline (default 0).

    In a run in which no fault was even tried nobody is away, and no key may be lost.
    """

    covered_by_invocations = True

    def __init__(self, *, times: float = 1.0, min: float = 0.5, after: float | str = 0.0) -> None:
        if isinstance(times, bool) or not isinstance(times, int | float) or not times >= 0:
            raise UsageError(f"contained: times is a number of fair parts, such as 1.5, not {times!r}")
        if isinstance(min, bool) or not isinstance(min, int | float) or not 0 <= min <= 1:
            raise UsageError(f"contained: min is a share between 0 and 1, such as 0.5, not {min!r}")
        self.times = float(times)
        self.min = float(min)
        self.after_s = duration_s(after)

    def check(self, history: History, *, budget: Budget) -> Result:
        """One pass over the client operations. `stats`: `keys`, `pieces` (one object each, of those in which keys were
        asked for while nodes were away), `worst_share`, the most keys lost for each node away, as a part of all."""
        answers = client_answers(history)
        keys = len(answers.keys)
        seen = [piece for piece in _pieces(history, answers, round(self.after_s * 1e9)) if piece.asked]
        pieces = [piece for piece in seen if self._allowed(piece, keys) < keys]
        stats: dict[str, Any] = {
            "keys": keys,
            "pieces": [piece.to_json(self.min) | {"allowed": self._allowed(piece, keys)} for piece in pieces],
            "worst_share": max((piece.share(self.min, keys) for piece in pieces), default=None),
            "judged": {"times": self.times, "min": self.min, "after_s": self.after_s},
        }
        if not pieces:
            nobody = "no key was asked for on the majority side while a node was away"
            few = f"{keys} keys are too few to tell the part that the nodes away may take from all of them"
            return Result(Verdict.INCONCLUSIVE, "contained", (), stats, few if seen else nobody)
        lost = [(len(piece.lost(self.min)), self._allowed(piece, keys)) for piece in pieces]
        anomalies = [
            self._anomaly(piece, keys) for piece, (found, allowed) in zip(pieces, lost, strict=True) if found > allowed
        ]
        if anomalies:
            return Result(Verdict.FAIL, "contained", anomalies, stats, anomalies[0].message)
        why = f"at most {max(found for found, _ in lost)} of {keys} keys were lost at a time, of {max(lost)[1]} allowed"
        return Result(Verdict.PASS, "contained", (), stats, why)

    def _allowed(self, piece: _Piece, keys: int) -> int:
        """How many keys may be lost in a piece."""
        part = min(1.0, self.times * len(piece.away) / piece.nodes)
        return math.floor(keys * part + DEVIATIONS * math.sqrt(keys * part * (1 - part)) + 1e-9)

    def _anomaly(self, piece: _Piece, keys: int) -> Anomaly:
        lost = piece.lost(self.min)
        away = f"{', '.join(piece.away)} away" if piece.away else "no node away"
        message = (
            f"{len(lost)} of {keys} keys were lost from {piece.start_ns / 1e9:.1f} s to {piece.end_ns / 1e9:.1f} s, "
            f"with {away}, promised: at most {self._allowed(piece, keys)}"
        )
        unanswered = sorted(index for key in lost for index in piece.unanswered[key][:1])
        details = {"away": list(piece.away), "lost": lost, "allowed": self._allowed(piece, keys)}
        return Anomaly("spread", message, tuple(unanswered[:WITNESSES_MAX]), details=details)


@dataclass(slots=True)
class _Piece:
    """`[start_ns, end_ns)`: what clients of the nodes that were there asked while those in `away` were not."""

    start_ns: int
    end_ns: int
    away: tuple[str, ...]
    nodes: int
    asked: dict[str, Count] = field(default_factory=dict)
    unanswered: dict[str, list[int]] = field(default_factory=dict)

    def take(self, answers: Answers, there: Collection[str]) -> None:
        """Counts the operations of this piece by key."""
        for row in answers.between(self.start_ns, self.end_ns):
            node = answers.node[row]
            if answers.key[row] >= 0 and node >= 0 and answers.nodes[node] in there:
                key = answers.keys[answers.key[row]]
                self.asked.setdefault(key, Count()).add(Count(1, answers.served[row]))
                if not answers.served[row]:
                    self.unanswered.setdefault(key, []).append(answers.index[row])

    def lost(self, min: float) -> list[str]:
        return [key for key, count in sorted(self.asked.items()) if count.ok < min * count.ops - 1e-9]

    def share(self, min: float, keys: int) -> float:
        return round(len(self.lost(min)) / keys / (len(self.away) or 1), 6)

    def to_json(self, min: float) -> dict[str, Any]:
        return {
            "start_s": self.start_ns / 1e9,
            "end_s": self.end_ns / 1e9,
            "away": list(self.away),
            "asked": len(self.asked),
            "lost": self.lost(min),
        }


def _pieces(history: History, answers: Answers, after_ns: int) -> list[_Piece]:
    """The pieces of the timeline to be judged, with what was asked in each."""
    faults, end_ns = spans(history), load_end_ns(history)
    nodes = cluster_nodes(answers.nodes, faults)
    timeline = regimes(faults, nodes)
    starts = [regime.start_ns for regime in timeline]
    pieces = []
    for regime, until_ns in zip(timeline, [*starts[1:], end_ns], strict=True):
        there = {node for node, side in regime.sides.items() if side is Side.MAJORITY}
        away = tuple(node for node in nodes if node not in there)
        if away or not faults:
            grace_ns = after_ns if away else 0
            piece = _Piece(regime.start_ns + grace_ns, min(until_ns, end_ns), away, len(nodes))
            piece.take(answers, there)
            pieces.append(piece)
    return pieces
