"""Grudges: who drops whom. Pure functions from nodes and chance to a directed map.

A grudge maps a node to the nodes whose messages it does not receive; a pair that is named one way only is cut one way
only. Kyle Kingsbury's Jepsen coined the word and most of the shapes. Lists are in the cluster's order, so that equal
choices give equal records.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence

from harness.errors import UsageError

Grudge = dict[str, list[str]]

Draw = Callable[[Sequence[str], random.Random], Grudge]


def one(nodes: Sequence[str], random: random.Random) -> Grudge:
    """One node is cut off from all others."""
    return split(nodes, [[random.choice(nodes)]])


def halves(nodes: Sequence[str], random: random.Random) -> Grudge:
    """Two halves; with an odd number of nodes one of them is a bare majority."""
    shuffled = _shuffled(nodes, random)
    return split(nodes, [shuffled[: len(nodes) // 2]])


def majority(nodes: Sequence[str], random: random.Random) -> Grudge:
    """A majority against a minority of any size, the smallest possible included."""
    size = 1 + random.randrange((len(nodes) - 1) // 2)
    return split(nodes, [_shuffled(nodes, random)[:size]])


def ring(nodes: Sequence[str], random: random.Random) -> Grudge:
    """Every node sees a majority, and no two see the same one: each hears its nearest neighbours on a shuffled ring.

    Three nodes have no such ring (each would hear both others), so they stand in a row: the ends hear the middle only,
    and each still sees a majority of its own.
    """
    shuffled, count = _shuffled(nodes, random), len(nodes)
    if count == 3:
        return bridge(nodes, random)
    reach = -(-(count // 2) // 2)  # a majority is the node and count // 2 others, half of them on either side
    heard = {
        node: {shuffled[(place + step) % count] for step in range(-reach, reach + 1)}
        for place, node in enumerate(shuffled)
    }
    return _plain(nodes, {node: set(nodes) - heard[node] for node in nodes})


def bridge(nodes: Sequence[str], random: random.Random) -> Grudge:
    """Two halves that cannot hear each other, and one node between them that hears and is heard by everyone."""
    shuffled = _shuffled(nodes, random)
    middle = len(nodes) // 2
    left, right = shuffled[:middle], shuffled[middle + 1 :]
    return _plain(nodes, {node: right if node in left else left if node in right else () for node in nodes})


def one_way(nodes: Sequence[str], random: random.Random) -> Grudge:
    """A minority goes deaf (hears none of the others) or mute (is heard by none of them), by chance; the opposite
    direction stays open."""
    size = 1 + random.randrange(max(1, (len(nodes) - 1) // 2))
    few = set(_shuffled(nodes, random)[:size])
    many = set(nodes) - few
    deaf = random.getrandbits(1)
    return _plain(nodes, dict.fromkeys(few, many) if deaf else dict.fromkeys(many, few))


def any_direction(nodes: Sequence[str], random: random.Random) -> Grudge:
    """Every direction between two nodes is cut or not by the toss of a coin; at least one is."""
    drops: dict[str, set[str]] = {node: set() for node in nodes}
    for receiver in nodes:
        for sender in nodes:
            if sender != receiver and random.getrandbits(1):
                drops[receiver].add(sender)
    if not any(drops.values()):
        receiver, sender = random.sample(list(nodes), 2)
        drops[receiver].add(sender)
    return _plain(nodes, drops)


NAMES = ("one", "halves", "majority", "ring", "bridge", "one_way", "primaries", "random")
"""Every grudge that can be drawn by name."""

_DRAWS: Mapping[str, Draw] = {
    "one": one,
    "halves": halves,
    "majority": majority,
    "ring": ring,
    "bridge": bridge,
    "one_way": one_way,
    "random": any_direction,
}

NODES_MIN: Mapping[str, int] = dict.fromkeys(NAMES, 2) | {"majority": 3, "ring": 3, "bridge": 3}
"""How many nodes a grudge makes sense for."""


def draw(name: str, nodes: Sequence[str], random: random.Random, primaries: Collection[str] = ()) -> Grudge:
    """The grudge of that name for these nodes. `primaries` cuts those nodes off from all others, or one node while
    there are none; nothing, when there are no others.

    Raises `UsageError` for a name that is none, or too few nodes.
    """
    if name not in NODES_MIN:
        raise UsageError(f"there is no grudge {name!r}: choose from {', '.join(NAMES)}")
    if len(nodes) < NODES_MIN[name]:
        raise UsageError(f"the grudge {name} needs at least {NODES_MIN[name]} nodes, this cluster has {len(nodes)}")
    if name == "primaries":
        return split(nodes, [[node for node in nodes if node in primaries]]) if primaries else one(nodes, random)
    return _DRAWS[name](nodes, random)


def split(nodes: Sequence[str], groups: Sequence[Collection[str]]) -> Grudge:
    """Groups that cannot hear each other; nodes in no group are one more."""
    side = {node: place for place, group in enumerate(groups) for node in group}
    return _plain(nodes, {node: [other for other in nodes if side.get(other) != side.get(node)] for node in nodes})


def _plain(nodes: Sequence[str], drops: Mapping[str, Collection[str]]) -> Grudge:
    """In the cluster's order, without empty entries."""
    return {node: [other for other in nodes if other in drops[node]] for node in nodes if drops.get(node)}


def _shuffled(nodes: Sequence[str], random: random.Random) -> list[str]:
    return random.sample(list(nodes), len(nodes))
