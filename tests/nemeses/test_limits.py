"""What the limits nemesis asks of a cluster, and what it starts again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from harness.errors import UsageError
from harness.faults import Evidence, Fault, Status
from harness.toll import Toll
from nemeses.limits import Limit

NODES = ["n1", "n2", "n3"]


class Scarce:
    """The limits and processes of a cluster whose kernel kills those nodes."""

    def __init__(self, killed: list[str]) -> None:
        self.killed = killed
        self.asked: dict[str, Any] = {}
        self.started: list[str] = []

    async def limit(self, fault: str, nodes: list[str], **limits: Any) -> Mapping[str, Evidence]:
        self.asked = {"nodes": nodes, **limits}
        return {node: Evidence(Status.APPLIED, limits) for node in nodes}

    async def lift(self, fault: str) -> Mapping[str, Evidence]:
        return {node: Evidence(Status.APPLIED, {"oom_kills": int(node in self.killed)}) for node in self.asked["nodes"]}

    async def start(self, nodes: list[str]) -> Mapping[str, Evidence]:
        self.started += nodes
        return {node: Evidence(Status.APPLIED, {"pid": 7}) for node in nodes}


class Cluster:
    """What the nemesis sees of a cluster."""

    def __init__(self, scarce: Scarce) -> None:
        self.nodes = NODES
        self.limits = self.processes = scarce


def play(nemesis: Limit, killed: list[str], draw: Mapping[str, Any]) -> tuple[Scarce, Any, Mapping[str, Evidence]]:
    scarce = Scarce(killed)
    cluster: Any = Cluster(scarce)

    async def scene() -> tuple[Any, Mapping[str, Evidence]]:
        fault = Fault("limits-1", "limits", draw)
        return await nemesis.inject(cluster, fault), await nemesis.heal(cluster, fault)

    return scarce, *asyncio.run(scene())


def test_what_the_kernel_killed_is_started_again_when_the_limit_is_lifted() -> None:
    draw = {"kind": "memory", "memory_bytes": 1 << 26, "targets": ["n1", "n2"], "seed": 1}
    scarce, injection, healed = play(Limit(), ["n2"], draw)
    assert scarce.asked == {"nodes": ["n1", "n2"], "memory_bytes": 1 << 26}
    assert injection.resolved == {"nodes": ["n1", "n2"], "memory_bytes": 1 << 26}
    assert scarce.started == ["n2"]
    assert healed["n2"].measured == {"oom_kills": 1, "started": {"pid": 7}}
    assert healed["n1"].measured == {"oom_kills": 0}


def test_both_kinds_and_all_amounts_are_drawn_and_told_what_they_take() -> None:
    nemesis = Limit(cpus=[0.1, 0.5], memory=["32MB", "64MB"], targets="all")
    draws = [nemesis.draw(Random(seed)) for seed in range(60)]
    assert {draw["cpus"] for draw in draws if draw["kind"] == "cpu"} == {0.1, 0.5}
    assert len({draw["memory_bytes"] for draw in draws if draw["kind"] == "memory"}) == 2
    tolls = {draw["kind"]: nemesis.toll(NODES, draw) for draw in draws}
    assert tolls == {"cpu": Toll(), "memory": Toll(down=frozenset(NODES))}
    assert Limit(kinds="cpu").needs == {"cpu"}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"cpus": 0}, "cpus must be a number from 0.01"),
        ({"cpus": []}, "cpus must be one or several amounts"),
        ({"memory": "much"}, "limits: memory"),
        ({"memory": "1kB"}, "at least 1,048,576 bytes"),
        ({"kinds": "disk"}, "one or several of memory, cpu"),
        ({"targets": "some"}, "targets must be one or several of"),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Limit(**options)
