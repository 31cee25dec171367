"""The store with siblings in the simulator: it loses no write, and always answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.node import RpcError
from targets.bundled.dynamo import dynamo
from targets.toys.siblings import Siblings, merge, without
from tests.targets.lab import NODES, Lab, in_lab


async def read(lab: Lab, node: str) -> tuple[list[Any], dict[str, int]]:
    answer = await lab.ask(node, type="read", key="x")
    return answer["values"], answer["context"]


def test_concurrent_writes_are_kept_until_somebody_merges_them() -> None:
    async def scene(lab: Lab) -> None:
        await lab.cut_off("n1")
        await lab.ask("n1", type="write", key="x", value=["milk"])
        await lab.ask("n2", type="write", key="x", value=["bread"])
        await lab.mend()
        await asyncio.sleep(3)
        values, context = await read(lab, "n3")
        assert values == [["milk"], ["bread"]]
        await lab.ask("n4", type="write", key="x", value=["bread", "milk"], context=context)
        await asyncio.sleep(1)
        assert [await read(lab, node) for node in NODES] == [([["bread", "milk"]], (await read(lab, "n4"))[1])] * 5

    in_lab(dynamo(), scene)


def test_a_write_replaces_what_its_writer_saw_and_nothing_else() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n1", type="write", key="x", value=1)
        _, context = await read(lab, "n1")
        await lab.ask("n1", type="write", key="x", value=2)
        await lab.ask("n1", type="write", key="x", value=3, context=context)
        assert (await read(lab, "n1"))[0] == [2, 3]

    in_lab(dynamo(), scene)


def test_a_removed_value_does_not_come_back_with_a_replica_that_was_away() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n1", type="write", key="x", value=1)
        await asyncio.sleep(1)
        _, context = await read(lab, "n1")
        await lab.cut_off("n5")
        await lab.ask("n1", type="remove", key="x", context=context)
        assert (await read(lab, "n5"))[0] == [1]
        await lab.mend()
        await asyncio.sleep(3)
        assert [(await read(lab, node))[0] for node in NODES] == [[]] * 5

    in_lab(dynamo(), scene)


def test_a_context_that_is_none_is_refused() -> None:
    async def scene(lab: Lab) -> None:
        for context in (3, [1], {"n1": "x"}):
            with pytest.raises(RpcError, match="a context is what a read returned") as refused:
                await lab.ask("n1", type="write", key="x", value=1, context=context)
            assert refused.value.code == 12

    in_lab(dynamo(), scene)


ACTORS = ("a", "b", "c")
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTORS), st.sampled_from(["write", "remove", "blind", "read"]), st.sampled_from(ACTORS)),
    max_size=15,
)


def histories(steps: list[tuple[str, str, str]]) -> dict[str, Siblings]:
    """States that three replicas can come to: each step is one replica's own, or a merge of another's (`read`)."""
    states = {actor: Siblings({}, {}) for actor in ACTORS}
    for number, (actor, what, other) in enumerate(steps):
        held = states[actor]
        if what == "read":
            held = merge(held, states[other])
        if what in ("write", "remove"):
            held = without(held, states[other].clock)
        states[actor] = held.plus(actor, number) if what in ("write", "blind") else held
    return states


@given(STEPS)
def test_the_order_in_which_replicas_merge_makes_no_difference(steps: list[tuple[str, str, str]]) -> None:
    a, b, c = histories(steps).values()
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a and merge(merge(a, b), b) == merge(a, b)


@given(STEPS)
def test_a_value_is_there_unless_somebody_who_saw_it_replaced_it(steps: list[tuple[str, str, str]]) -> None:
    """Against causal histories written out in full, with no clock to compress them."""
    values: dict[str, set[int]] = {actor: set() for actor in ACTORS}
    seen: dict[str, set[int]] = {actor: set() for actor in ACTORS}
    for number, (actor, what, other) in enumerate(steps):
        if what == "read":
            ours, theirs = values[actor], values[other]
            values[actor] = (ours & theirs) | (ours - seen[other]) | (theirs - seen[actor])
            seen[actor] |= seen[other]
        if what in ("write", "remove"):
            values[actor] -= seen[other]
            seen[actor] |= seen[other]
        if what in ("write", "blind"):
            values[actor] |= {number}
            seen[actor] |= {number}
    assert {actor: {*held.values.values()} for actor, held in histories(steps).items()} == values
