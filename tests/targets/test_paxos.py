"""The store on Paxos in the simulator: linearizable, and served wherever a majority is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from harness.node import RpcError
from harness.node.disk import FolderDisk
from targets.bundled.paxos import paxos
from targets.toys.boots import count_boot
from targets.toys.paxos import Paxos
from targets.toys.paxos_acceptor import Slot
from tests.targets.lab import NODES, Lab, in_lab


def test_what_one_server_writes_all_others_read() -> None:
    async def scene(lab: Lab) -> None:
        for value, node in enumerate(NODES):
            await lab.ask(node, type="write", key="x", value=value)
            assert await lab.values("x") == [value] * 5

    in_lab(paxos(), scene)


def test_a_compare_and_set_is_decided_once_and_a_refusal_tells_what_was_found() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n1", type="write", key="x", value=0)
        swaps = (lab.ask(node, type="cas", key="x", **{"from": 0, "to": node}) for node in NODES)
        results = await asyncio.gather(*swaps, return_exceptions=True)
        [won] = [node for node, result in zip(NODES, results, strict=True) if not isinstance(result, BaseException)]
        refused = [result for result in results if isinstance(result, RpcError)]
        assert [(one.code, one.extra["current"]) for one in refused] == [(22, won)] * 4
        assert await lab.values("x") == [won] * 5

    in_lab(paxos(), scene)


def test_a_majority_serves_and_whoever_is_cut_off_refuses() -> None:
    async def scene(lab: Lab) -> None:
        await lab.ask("n1", type="write", key="x", value="old")
        await lab.cut_off("n1", "n2")
        await lab.ask("n3", type="write", key="x", value="new")
        for body in ({"type": "read"}, {"type": "write", "value": 1}):
            with pytest.raises(RpcError) as refused:
                await lab.ask("n1", key="x", **body)
            assert refused.value.code == 11
        await lab.mend()
        assert await lab.values("x") == ["new"] * 5

    in_lab(paxos(), scene)


def test_everything_acknowledged_survives_the_loss_of_all_power() -> None:
    async def scene(lab: Lab) -> None:
        for value in range(20):
            await lab.ask(NODES[value % 5], type="write", key=str(value), value=value)
        assert lab.cluster.disks is not None
        await lab.cluster.disks.lose_power(NODES)
        await lab.cluster.processes.start(NODES)
        for value in range(20):
            assert await lab.values(str(value)) == [value] * 5

    in_lab(paxos(), scene)


def test_a_ballot_is_never_given_twice_though_counters_start_anew(tmp_path: Path) -> None:
    given: list[Any] = []
    for boot in (1, 2, 3):
        server = Paxos.__new__(Paxos)
        server.name, server._counter = "n1", 0
        server._boot = asyncio.run(count_boot(FolderDisk(tmp_path)))
        assert server._boot == boot
        given += [server._next_ballot() for _ in range(3)]
    assert len({tuple(ballot) for ballot in given}) == 9


def test_an_acceptor_keeps_its_promise_and_answers_a_repeated_question_alike() -> None:
    acceptor = Paxos.__new__(Paxos)
    slot = Slot(promised=[5, "n2", 1])
    assert not acceptor._may_promise(slot, [4, "n9", 9]) and not acceptor._may_accept(slot, [5, "n1", 9])
    assert acceptor._may_promise(slot, [5, "n2", 1]) and acceptor._may_accept(slot, [5, "n2", 1])
    assert acceptor._may_promise(slot, [5, "n2", 2]) and acceptor._may_accept(slot, [6, "n1", 1])


def test_a_change_that_another_proposer_finished_is_not_done_again() -> None:
    server = Paxos.__new__(Paxos)
    server.name = "n1"
    first, answer = server._changed([None, {}], [1, 1], lambda _: ("mine", {"type": "write_ok"}))
    overwritten = ["theirs", {**first[1], "n2": [[1, 7], {"type": "write_ok"}]}]
    again, told = server._changed(overwritten, [1, 1], lambda _: ("mine", {"type": "write_ok"}))
    assert again == overwritten and told == answer
    later, _ = server._changed(overwritten, [1, 2], lambda _: ("next", {"type": "write_ok"}))
    assert later[0] == "next"
