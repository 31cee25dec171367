"""The store of replicated data types in the simulator: always there, and agreed in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.node import RpcError
from targets.bundled.crdt import crdt
from targets.toys.crdt_types import STEPS, TYPES, Entries
from tests.targets.lab import NODES, Lab, in_lab


async def step(lab: Lab, node: str, what: str, key: str, argument: Any) -> Any:
    [result] = (await lab.ask(node, type="txn", steps=[[what, key, argument]]))["results"]
    return result


def test_additions_on_both_sides_of_a_cut_all_count() -> None:
    async def scene(lab: Lab) -> None:
        await lab.cut_off("n1", "n2")
        for node in NODES:
            await step(lab, node, "add", "x", 10)
            await step(lab, node, "add", "x", -3)
        await asyncio.sleep(1)
        assert await lab.values("x") == [14, 14, 21, 21, 21]
        await lab.mend()
        await asyncio.sleep(3)
        assert await lab.values("x") == [35] * 5

    in_lab(crdt(), scene)


def test_a_removal_takes_what_its_server_has_seen_and_an_addition_elsewhere_wins() -> None:
    async def scene(lab: Lab) -> None:
        await step(lab, "n1", "put", "x", "a")
        await step(lab, "n1", "put", "x", "b")
        await asyncio.sleep(1)
        await lab.cut_off("n1")
        assert await step(lab, "n1", "drop", "x", "a") and await step(lab, "n1", "drop", "x", "b")
        assert not await step(lab, "n1", "drop", "x", "b")
        await step(lab, "n2", "put", "x", "b")
        await lab.mend()
        await asyncio.sleep(3)
        assert await lab.values("x") == [["b"]] * 5

    in_lab(crdt(), scene)


def test_a_sequence_is_one_for_all_and_keeps_the_order_of_each_side() -> None:
    async def scene(lab: Lab) -> None:
        await step(lab, "n1", "append", "x", 0)
        await asyncio.sleep(1)
        await lab.cut_off("n1")
        for value in (1, 2, 3):
            await step(lab, "n1", "append", "x", value)
            await step(lab, "n2", "append", "x", -value)
        await step(lab, "n2", "insert", "x", [0, 9])
        assert await step(lab, "n2", "pop", "x", None) == 9
        await step(lab, "n2", "insert", "x", [1, 8])
        await lab.mend()
        await asyncio.sleep(3)
        values = await lab.values("x")
        assert values == [values[0]] * 5
        assert [value for value in values[0] if value in (0, 1, 2, 3)] == [0, 1, 2, 3]
        assert [value for value in values[0] if value in (0, 8, -1, -2, -3)] == [0, 8, -1, -2, -3]

    in_lab(crdt(), scene)


def test_everything_acknowledged_survives_the_loss_of_all_power() -> None:
    async def scene(lab: Lab) -> None:
        for node in NODES * 4:
            await step(lab, node, "add", "x", 1)
        assert lab.cluster.disks is not None
        await lab.cluster.disks.lose_power(NODES)
        await lab.cluster.processes.start(NODES)
        await step(lab, "n1", "add", "x", 1)
        await asyncio.sleep(3)
        assert await lab.values("x") == [21] * 5

    in_lab(crdt(), scene)


def test_what_needs_agreement_is_refused_before_anything_is_done() -> None:
    async def scene(lab: Lab) -> None:
        await step(lab, "n1", "add", "x", 1)
        for bad, code in (
            (["least", "x", 1], 10),
            (["put", "x", 1], 12),
            (["add", "y", "1"], 12),
            (["insert", "y", [-1, 0]], 12),
        ):
            with pytest.raises(RpcError) as refused:
                await lab.ask("n1", type="txn", steps=[["add", "x", 1], bad])
            assert refused.value.code == code
        assert await lab.values("x", ("n1",)) == [1]

    in_lab(crdt(), scene)


@given(st.sampled_from(sorted(TYPES)), st.data())
def test_the_order_number_and_grouping_of_what_is_heard_make_no_difference(kind: str, data: st.DataObject) -> None:
    whats = [what for what in STEPS if STEPS[what] == kind and what != "insert"]
    heard: list[tuple[str, Any]] = []
    held: dict[str, Entries] = {"n1": {}, "n2": {}}
    steps = st.tuples(st.sampled_from(sorted(held)), st.sampled_from(whats), st.integers(-3, 3), st.booleans())
    for stamp, (replica, what, argument, hears) in enumerate(data.draw(st.lists(steps, max_size=12)), 1):
        _, changed = TYPES[kind].change(held[replica], replica, stamp, what, argument)
        heard += changed.items()
        join(kind, held[replica], list(changed.items()))
        if hears:
            join(kind, held[replica], heard)
    everything: list[Entries] = []
    for shuffle in (lambda: heard, lambda: data.draw(st.permutations(heard)) + heard[:3]):
        state: Entries = {}
        join(kind, state, shuffle())
        everything.append(state)
    assert everything[0] == everything[1]


def join(kind: str, entries: Entries, heard: list[tuple[str, Any]]) -> None:
    merge: Callable[[Any, Any], Any] = TYPES[kind].join
    for name, entry in heard:
        entries[name] = merge(entries[name], entry) if name in entries else entry
