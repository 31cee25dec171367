"""Whom a fault hits."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from nemeses.victims import SPECS, Victims, resolve

NODES = ["n1", "n2", "n3", "n4", "n5"]
SEEDS = st.integers(min_value=0, max_value=2**32 - 1)


def named(size: int) -> list[str]:
    return [f"n{number}" for number in range(1, size + 1)]


@given(st.integers(min_value=1, max_value=12), SEEDS, st.sampled_from(SPECS))
def test_nodes_are_picked_in_the_clusters_order_and_the_same_for_the_same_draw(size, seed, spec) -> None:
    draw = {"targets": spec, "seed": seed, "primaries": ["n1"]}
    nodes = named(size)
    picked = resolve(draw, nodes)
    assert picked == sorted(set(picked), key=nodes.index)
    assert picked == resolve(draw, nodes)


@pytest.mark.parametrize(
    ("spec", "sizes"),
    [
        ("one", {1: 1, 3: 1, 5: 1}),
        ("minority", {1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 7: 3}),
        ("majority", {1: 1, 2: 2, 3: 2, 4: 3, 5: 3}),
        ("minority_third", {1: 1, 3: 1, 5: 1, 7: 2, 10: 3}),
        ("all", {1: 1, 5: 5}),
    ],
)
def test_sizes(spec, sizes) -> None:
    for size, count in sizes.items():
        assert len(resolve({"targets": spec, "seed": 1}, named(size))) == count


def test_every_node_has_its_turn() -> None:
    assert {resolve({"targets": "one", "seed": seed}, NODES)[0] for seed in range(60)} == set(NODES)


def test_primaries_are_those_of_the_moment() -> None:
    assert resolve({"targets": "primaries", "seed": 0, "primaries": ["n4", "n2"]}, NODES) == ["n2", "n4"]


def test_followers_are_all_others() -> None:
    followers = {"targets": "followers", "seed": 0}
    assert resolve({**followers, "primaries": ["n4", "n2"]}, NODES) == ["n1", "n3", "n5"]
    assert resolve({**followers, "primaries": ["n1"]}, ["n1"]) == ["n1"], "a fault that hits nobody tests nothing"
    [spared] = set(NODES) - set(resolve(followers, NODES))
    assert resolve({**followers, "targets": "primaries"}, NODES) == [spared], "the same one stands in for the primaries"


@pytest.mark.parametrize("nobody", [{}, {"primaries": []}])
def test_one_node_stands_in_for_primaries_that_are_not_there(nobody: dict[str, list[str]]) -> None:
    hit = {resolve({"targets": "primaries", "seed": seed} | nobody, NODES)[0] for seed in range(60)}
    assert hit == set(NODES)


@pytest.mark.parametrize(
    ("raw", "specs"),
    [
        (None, ("one",)),
        ("minority", ("minority",)),
        (["one", "all"], ("one", "all")),
        (["n1", "n3"], (("n1", "n3"),)),
        (["one", ["n1", "n3"]], ("one", ("n1", "n3"))),
        ([["n1"], ["n2"]], (("n1",), ("n2",))),
    ],
)
def test_forms_of_the_option(raw, specs) -> None:
    assert Victims.of("kill", raw, ["one"]).specs == specs


@pytest.mark.parametrize("raw", ["", "oen", [], 3, {"one": 1}, ["one", "n1"], ["one", 3], ["one", []], [[3]]])
def test_other_forms_are_refused_with_what_was_read(raw) -> None:
    with pytest.raises(UsageError, match="kill: targets must be one or several of one, minority"):
        Victims.of("kill", raw, ["one"])


def test_draws_choose_among_the_specifications() -> None:
    victims = Victims.of("kill", ["one", ["n2", "n3"]], [])
    draws = [victims.draw(random.Random(seed)) for seed in range(20)]
    assert {str(draw["targets"]) for draw in draws} == {"one", "['n2', 'n3']"}
    assert resolve({"targets": ["n3", "n2"], "seed": 1}, NODES) == ["n2", "n3"]


def test_nodes_that_are_not_there_are_told() -> None:
    with pytest.raises(UsageError, match="no node 'n9'"):
        Victims.of("kill", ["n1", "n9"], []).check(NODES)
    Victims.of("kill", ["n1", "n5"], []).check(NODES)
