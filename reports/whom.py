"""Whom a fault hit, in words: sides of a partition where there are any, who hears nothing from whom where not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.data import FaultRecord
from reports.text import show

GROUPS_MAX = 12


def whom(fault: FaultRecord) -> str:
    """`n3 | n1, n2, n4, n5` for a partition into sides, `n1, n2 hear nothing from n3` for others, else the nodes."""
    drops = fault.resolved.get("drops")
    if not isinstance(drops, Mapping) or not all(isinstance(sources, list | tuple) for sources in drops.values()):
        return _names(fault.hit) or "no node"
    deaf = {str(node): frozenset(map(str, sources)) for node, sources in drops.items() if sources}
    sides = _sides(deaf)
    if sides:
        return " | ".join(_names(side) for side in sides[:GROUPS_MAX])
    groups: dict[frozenset[str], list[str]] = {}
    for node, sources in sorted(deaf.items()):
        groups.setdefault(sources, []).append(node)
    return "; ".join(
        f"{_names(nodes)} {'hears' if len(nodes) == 1 else 'hear'} nothing from {_names(sorted(sources))}"
        for sources, nodes in list(groups.items())[:GROUPS_MAX]
    )


def _sides(deaf: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """The sides, smallest first, if nobody hears another side and everybody hears all of their own; else none."""
    nodes = sorted(set(deaf).union(*deaf.values()))
    sides: dict[frozenset[str], list[str]] = {}
    for node in nodes:
        sides.setdefault(frozenset(nodes) - deaf.get(node, frozenset()), []).append(node)
    whole = all(heard == frozenset(side) for heard, side in sides.items())
    return sorted(sides.values(), key=lambda side: (len(side), side)) if whole and len(sides) > 1 else []


def _names(nodes: Sequence[str]) -> str:
    shown = ", ".join(show(node, 40) for node in nodes[:GROUPS_MAX])
    return f"{shown} and {len(nodes) - GROUPS_MAX} more" if len(nodes) > GROUPS_MAX else shown
