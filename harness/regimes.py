"""Who could still talk to whom: the timeline of sides, read from the faults' spans.

Availability is judged by side, so every node has to be put on one at every moment. A node is on the majority side
when it is up and has links in both directions to so many other running nodes that they make, with itself, a majority
of all nodes of the cluster. It is the node's own neighbourhood that counts, not a component of the graph: on a ring
or a bridge every node sees a majority, and a store that promises availability to whoever sees a majority has to serve
them all. The majority is one of all nodes, not of those that are running: when three of five are dead, no quorum is
left, and the two survivors are a minority.

Sides are told from the outer bounds of faults (from the moment an injection began until its healing was known to be
done), so a node that is being killed or restarted counts as down. Whoever is on the majority side here is surely
there; the doubt goes to the others.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.faults import CUTS, STOPS, FaultSpan, Status


class Side(StrEnum):
    """Where a node stood. `unknown`: an injection failed half way, and nobody knows whom it hit."""

    MAJORITY = "majority"
    MINORITY = "minority"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Regime:
    """A maximal interval `[start_ns, end_ns)` in which no fault came or went; the last one has no end. `faults` are
    the ids that may be in force.
    """

    start_ns: int
    end_ns: int | None
    faults: tuple[str, ...]
    sides: Mapping[str, Side]


def regimes(spans: Sequence[FaultSpan], nodes: Sequence[str]) -> list[Regime]:
    """The whole timeline from 0 on, without gaps. `nodes` are all nodes of the cluster.

    Where not all are known (a node that no client is bound to and no fault ever named), the answer errs one way only:
    such a node is up and linked to everyone, so leaving it out can turn a majority into a minority, never the
    reverse.
    """
    edges = {0}
    for span in spans:
        edges.add(span.injected_at_ns)
        if span.healed_at_ns is not None:
            edges.add(span.healed_at_ns)
    starts = sorted(edges)
    timeline = []
    for start_ns, end_ns in zip(starts, [*starts[1:], None], strict=True):
        active = [span for span in spans if span.may_hold_at(start_ns)]
        timeline.append(Regime(start_ns, end_ns, tuple(span.id for span in active), _sides(active, nodes)))
    return timeline


def regime_at(timeline: Sequence[Regime], time_ns: int) -> Regime:
    """The regime of a timeline in which this moment lies."""
    return timeline[max(0, bisect_right(timeline, time_ns, key=lambda regime: regime.start_ns) - 1)]


def _sides(active: Sequence[FaultSpan], nodes: Sequence[str]) -> dict[str, Side]:
    if any(
        span.status is Status.INDETERMINATE and not span.resolved and span.family in CUTS | STOPS for span in active
    ):
        return dict.fromkeys(nodes, Side.UNKNOWN)
    down: set[str] = set()
    cut: set[tuple[str, str]] = set()
    for span in active:
        spared = {node for node, evidence in span.nodes.items() if evidence.status is Status.SKIPPED}
        if span.family in STOPS:
            down |= {*span.resolved.get("nodes", ()), *span.nodes} - spared
        for receiver, senders in span.resolved.get("drops", {}).items():
            if receiver not in spared:
                cut |= {(receiver, sender) for sender in senders}
    return sides(nodes, down, cut)


def sides(nodes: Sequence[str], down: Collection[str], cut: Collection[tuple[str, str]]) -> dict[str, Side]:
    """Where each node stands while these are down and these (receiver, sender) do not hear: a link that is cut one way
    is no link."""
    return {node: _side(node, nodes, down, cut) for node in nodes}


def _side(node: str, nodes: Sequence[str], down: Collection[str], cut: Collection[tuple[str, str]]) -> Side:
    if node in down:
        return Side.DOWN
    reached = sum(other not in down and (node, other) not in cut and (other, node) not in cut for other in nodes)
    return Side.MAJORITY if 2 * reached > len(nodes) else Side.MINORITY


def cluster_nodes(bound: Sequence[str], spans: Sequence[FaultSpan]) -> list[str]:
    """The nodes of a cluster as its history knows them: those that clients are bound to, and those that faults name."""
    names = set(bound)
    for span in spans:
        names.update(span.nodes, span.resolved.get("nodes", ()))
        for receiver, senders in span.resolved.get("drops", {}).items():
            names.update([receiver], senders)
    return sorted(names)
