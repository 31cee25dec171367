"""Grudges: each shape keeps its promise, for every cluster size and every draw."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import grudges
from harness.errors import UsageError

SIZES = st.integers(min_value=3, max_value=11)
SEEDS = st.integers(min_value=0, max_value=2**32 - 1)


def names(size: int) -> list[str]:
    return [f"n{number}" for number in range(1, size + 1)]


def heard(grudge: grudges.Grudge, nodes: list[str]) -> dict[str, set[str]]:
    """Whom each node still hears, itself included."""
    return {node: set(nodes) - set(grudge.get(node, ())) for node in nodes}


def is_mutual(grudge: grudges.Grudge) -> bool:
    return all(receiver in grudge.get(sender, ()) for receiver, senders in grudge.items() for sender in senders)


def components(grudge: grudges.Grudge, nodes: list[str]) -> list[set[str]]:
    """Groups of nodes that hear each other, of a grudge that splits them."""
    return list({frozenset(group): group for group in heard(grudge, nodes).values()}.values())


@given(SIZES, SEEDS, st.sampled_from(grudges.NAMES))
def test_every_grudge_names_nodes_of_the_cluster_in_order_and_never_cuts_a_node_from_itself(size, seed, name) -> None:
    nodes = names(size)
    grudge = grudges.draw(name, nodes, random.Random(seed), [nodes[0]])
    assert grudge, "a cut that cuts nothing"
    assert list(grudge) == [node for node in nodes if node in grudge]
    for receiver, senders in grudge.items():
        assert senders == [node for node in nodes if node in senders], "in the cluster's order, each once"
        assert senders and receiver not in senders


@given(SIZES, SEEDS, st.sampled_from(grudges.NAMES))
def test_equal_chances_give_equal_grudges(size, seed, name) -> None:
    nodes = names(size)
    first, second = (grudges.draw(name, nodes, random.Random(seed), nodes[:1]) for _ in range(2))
    assert first == second


@given(SIZES, SEEDS)
def test_one_isolates_a_single_node(size, seed) -> None:
    nodes = names(size)
    grudge = grudges.one(nodes, random.Random(seed))
    assert is_mutual(grudge)
    assert sorted(map(len, components(grudge, nodes))) == [1, size - 1]


@given(SIZES, SEEDS)
def test_halves_are_as_even_as_can_be(size, seed) -> None:
    nodes = names(size)
    grudge = grudges.halves(nodes, random.Random(seed))
    assert is_mutual(grudge)
    assert sorted(map(len, components(grudge, nodes))) == [size // 2, size - size // 2]


@given(SIZES, SEEDS)
def test_majority_leaves_one_side_a_majority(size, seed) -> None:
    nodes = names(size)
    grudge = grudges.majority(nodes, random.Random(seed))
    assert is_mutual(grudge)
    small, large = sorted(map(len, components(grudge, nodes)))
    assert small + large == size and 2 * large > size


@given(SIZES, SEEDS)
def test_on_a_ring_every_node_sees_a_majority_and_no_two_see_the_same(size, seed) -> None:
    nodes = names(size)
    grudge = grudges.ring(nodes, random.Random(seed))
    assert is_mutual(grudge)
    views = heard(grudge, nodes)
    assert all(2 * len(view) > size for view in views.values())
    assert len({frozenset(view) for view in views.values()}) == size


@given(SIZES, SEEDS)
def test_a_bridge_joins_two_halves_that_cannot_hear_each_other(size, seed) -> None:
    nodes = names(size)
    grudge = grudges.bridge(nodes, random.Random(seed))
    assert is_mutual(grudge)
    views = heard(grudge, nodes)
    [bridge] = [node for node in nodes if len(views[node]) == size]
    sides = {frozenset(view - {bridge}) for node, view in views.items() if node != bridge}
    left, right = sides
    assert not left & right and left | right | {bridge} == set(nodes)
    assert abs(len(left) - len(right)) <= 1


@given(SIZES, SEEDS)
def test_one_way_cuts_one_direction_only_between_a_minority_and_the_rest(size, seed) -> None:
    nodes = names(size)
    grudge = grudges.one_way(nodes, random.Random(seed))
    cut = {(receiver, sender) for receiver, senders in grudge.items() for sender in senders}
    assert not any((sender, receiver) in cut for receiver, sender in cut), "the opposite direction stays open"
    receivers, senders = {receiver for receiver, _ in cut}, {sender for _, sender in cut}
    assert receivers | senders == set(nodes) and not receivers & senders
    assert len(cut) == len(receivers) * len(senders)
    assert 2 * min(len(receivers), len(senders)) < size


def test_one_way_makes_nodes_deaf_and_mute() -> None:
    kinds = set()
    for seed in range(20):
        grudge = grudges.one_way(names(5), random.Random(seed))
        kinds.add(len(grudge) < 3)
    assert kinds == {True, False}


@given(SIZES, SEEDS, st.data())
def test_primaries_are_cut_off_from_all_others(size, seed, data) -> None:
    nodes = names(size)
    primaries = data.draw(st.sets(st.sampled_from(nodes)))
    grudge = grudges.draw("primaries", nodes, random.Random(seed), primaries)
    assert is_mutual(grudge)
    views = heard(grudge, nodes)
    if not primaries:
        assert sorted(map(len, components(grudge, nodes))) == [1, size - 1], "one node stands in for them"
        return
    rest = set(nodes) - primaries
    assert all(views[node] == (primaries if node in primaries else rest) for node in nodes)


@given(SEEDS)
def test_random_cuts_single_directions(seed) -> None:
    nodes = names(5)
    grudge = grudges.any_direction(nodes, random.Random(seed))
    assert sum(map(len, grudge.values())) >= 1


def test_random_reaches_every_direction() -> None:
    nodes = names(3)
    seen = set()
    for seed in range(50):
        grudge = grudges.any_direction(nodes, random.Random(seed))
        seen |= {(receiver, sender) for receiver, senders in grudge.items() for sender in senders}
    assert len(seen) == 6


def test_random_never_cuts_nothing() -> None:
    class Heads(random.Random):
        def getrandbits(self, bits: int, /) -> int:
            return 0

    assert sum(map(len, grudges.any_direction(names(2), Heads()).values())) == 1


@pytest.mark.parametrize(("name", "size"), [("one", 1), ("majority", 2), ("ring", 2), ("bridge", 2)])
def test_too_small_a_cluster_is_told_so(name, size) -> None:
    with pytest.raises(UsageError, match=f"{name} needs at least"):
        grudges.draw(name, names(size), random.Random(0))


def test_an_unknown_name_is_told_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match="one_way"):
        grudges.draw("rign", names(5), random.Random(0))
