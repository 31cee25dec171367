"""Whom a fault hits: a specification, resolved to nodes when the fault is injected.

A draw records the specification and a seed, `{"targets": "minority", "seed": 7}`. Nodes are picked from that seed
alone, so the same draw hits the same nodes of the same cluster whenever it is repeated; only `primaries` and
`followers` depend on the moment, and who leads is written into the draw by whoever carries it out. During an election,
or in a store without a leader, there are none; one node then stands for them, since a fault that hits nobody tests
nothing.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError

_SIZES: Mapping[str, Callable[[int], int]] = {
    "one": lambda count: 1,
    "minority": lambda count: max(1, (count - 1) // 2),
    "majority": lambda count: count // 2 + 1,
    "minority_third": lambda count: max(1, (count - 1) // 3),
    "all": lambda count: count,
}

LED = ("primaries", "followers")

SPECS = (*_SIZES, *LED)
"""`one` node; the largest `minority`, or one of less than a third (`minority_third`), but at least one node; the
smallest `majority`; `all`; and the `primaries` of the moment, or one node while there are none, or all its `followers`,
that is, everybody else, if there is anybody else."""

SEED_BITS = 32

Spec = str | tuple[str, ...]
"""One of `SPECS`, or nodes by name."""


@dataclass(frozen=True, slots=True)
class Victims:
    """The specifications that one nemesis chooses from, for each fault anew."""

    owner: str
    specs: tuple[Spec, ...]

    @classmethod
    def of(cls, owner: str, raw: Any, default: Sequence[str]) -> Victims:
        """From the option `targets`: a specification or a list of several, of which a member may be a list of nodes; a
        list of nothing but nodes is one. None means `default`. Raises `UsageError`."""
        raw = list(default) if raw is None else raw
        items = [raw] if isinstance(raw, str) else raw
        if isinstance(items, list | tuple) and items:
            if all(isinstance(item, str) and item not in SPECS for item in items) and not isinstance(raw, str):
                return cls(owner, (tuple(items),))
            specs = [item if isinstance(item, str) else _nodes(item) for item in items]
            if all(spec in SPECS if isinstance(spec, str) else spec for spec in specs):
                return cls(owner, tuple(spec for spec in specs if spec is not None))
        raise UsageError(
            f"{owner}: targets must be one or several of {', '.join(SPECS)}, or a list of nodes, not {raw!r}"
        )

    def draw(self, random: _random.Random) -> dict[str, Any]:
        """One specification, and the seed to pick nodes with."""
        spec = self.specs[random.randrange(len(self.specs))]
        return {"targets": spec if isinstance(spec, str) else list(spec), "seed": random.getrandbits(SEED_BITS)}

    def check(self, nodes: Sequence[str]) -> None:
        """Raises `UsageError` when a node is named that the cluster does not have."""
        for spec in self.specs:
            unknown = [] if isinstance(spec, str) else [name for name in spec if name not in nodes]
            if unknown:
                raise UsageError(f"{self.owner}: there is no node {unknown[0]!r} to hit: nodes are {', '.join(nodes)}")


def resolve(draw: Mapping[str, Any], nodes: Sequence[str]) -> list[str]:
    """The nodes that a draw means, in the cluster's order."""
    spec = draw["targets"]
    if spec in LED:
        led = draw.get("primaries") or resolve({**draw, "targets": "one"}, nodes)
        others = [node for node in nodes if node not in led]
        picked = led if spec == "primaries" or not others else others
    elif isinstance(spec, str):
        picked = _random.Random(draw["seed"]).sample(list(nodes), _SIZES[spec](len(nodes)))
    else:
        picked = spec
    return [node for node in nodes if node in picked]


def _nodes(item: Any) -> tuple[str, ...] | None:
    if isinstance(item, list | tuple) and item and all(isinstance(name, str) for name in item):
        return tuple(item)
    return None
