"""Faults of services: who answers, and whether it is still the same process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from matrix import Fault, ask, play
from stages import NODES, Stage

from harness.faults import Evidence

MEMORY = 100 << 20
CPUS = 0.05


async def answers(cluster: Any) -> list[int | None]:
    """The incarnation of each node that answers at once."""
    said = await asyncio.gather(*(ask(cluster, node, "who", timeout_s=2) for node in NODES))
    return [one and one["incarnation"] for one in said]


async def stillness(cluster: Any) -> list[float | None]:
    """For how long each node once did nothing, in milliseconds; None for one that still does nothing."""
    said = await asyncio.gather(*(ask(cluster, node, "who", timeout_s=0.5) for node in NODES))
    return [one and one["gap_ms"] for one in said]


async def meal(cluster: Any) -> list[int | None]:
    """How much memory n1 and n2 can use, when they want more than the limit."""
    return [(one := await ask(cluster, node, "eat", bytes=2 * MEMORY)) and one["bytes"] for node in ("n1", "n2")]


async def work(cluster: Any) -> list[float]:
    """How many milliseconds n1 and n2 need for 50 ms of work."""
    return [(await ask(cluster, node, "burn", ms=50))["took_ms"] for node in ("n1", "n2")]


async def start(cluster: Any) -> Mapping[str, Evidence]:
    return dict(await cluster.processes.start(["n1"]))


async def pause(cluster: Any) -> Mapping[str, Evidence]:
    await asyncio.gather(*(ask(cluster, node, "forget") for node in NODES))
    return dict(await cluster.processes.pause(["n1"]))


async def lift(cluster: Any) -> Mapping[str, Evidence]:
    return dict(await cluster.limits.lift("f"))


async def lift_and_start(cluster: Any) -> Mapping[str, Evidence]:
    lifted = await lift(cluster)
    assert lifted["n1"].measured["oom_kills"] >= 1
    return await start(cluster)


FAULTS = [
    Fault(
        "kill",
        "kill",
        answers,
        lambda seen, _: None not in seen,
        lambda made: made.processes.kill(["n1"]),
        lambda seen, first: seen == [None, *first[1:]],
        start,
        lambda seen, first: None not in seen and seen[0] != first[0] and seen[1:] == first[1:],
    ),
    Fault(
        "pause keeps the process",
        "pause",
        answers,
        lambda seen, _: None not in seen,
        lambda made: made.processes.pause(["n1"]),
        lambda seen, first: seen == [None, *first[1:]],
        lambda made: made.processes.resume(["n1"]),
        lambda seen, first: seen == first,
    ),
    Fault(
        "pause stops its time",
        "pause",
        stillness,
        lambda seen, _: None not in seen,
        pause,
        lambda seen, _: seen[0] is None and seen[1] is not None,
        lambda made: made.processes.resume(["n1"]),
        lambda seen, _: seen[0] is not None and seen[0] >= 450,
    ),
    Fault(
        "memory",
        "memory",
        meal,
        lambda seen, _: seen == [2 * MEMORY] * 2,
        lambda made: made.limits.limit("f", ["n1"], memory_bytes=MEMORY),
        lambda seen, _: seen == [None, 2 * MEMORY],
        lift_and_start,
    ),
    Fault(
        "cpu",
        "cpu",
        work,
        lambda seen, _: max(seen) < 500,
        lambda made: made.limits.limit("f", ["n1"], cpus=CPUS),
        lambda seen, _: seen[0] > 500 > seen[1],
        lift,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_services(stage: Stage, fault: Fault) -> None:
    play(stage, fault)
