"""Faults of links: packets that one node sends, as the other one receives them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from matrix import Fault, ask, play
from stages import Stage

from harness.clusters.base import Shape

BURSTS = itertools.count()


async def burst(cluster: Any, source: str, dest: str, count: int, size: int = 100) -> dict[str, Any]:
    """Sends packets from one node to another; what came there, once nothing comes any more."""
    number = next(BURSTS)
    await ask(cluster, source, "send", to=dest, burst=number, count=count, bytes=size)
    came: list[dict[str, Any]] = []
    while len(came) < 2 or came[-1] != came[-2]:
        await asyncio.sleep(0.25)
        came.append(await ask(cluster, dest, "arrived", burst=number))
    return came[-1]


def ways(*pairs: tuple[str, str]) -> Callable[[Any], Awaitable[list[int]]]:
    """How many packets of ten come through, for each pair of sender and receiver."""

    async def probe(cluster: Any) -> list[int]:
        came = await asyncio.gather(*(burst(cluster, *pair, 10) for pair in pairs))
        return [len(one["numbers"]) for one in came]

    return probe


async def crowd(cluster: Any) -> list[int]:
    """Which of two hundred packets come from n1 to n2."""
    return list((await burst(cluster, "n1", "n2", 200))["numbers"])


async def bulk(cluster: Any) -> float:
    """In how many milliseconds 20 kB come from n1 to n2."""
    came = await burst(cluster, "n1", "n2", 40, 500)
    return float(came["span_ms"]) if len(came["numbers"]) == 40 else 0.0


async def round_trips(cluster: Any) -> list[Sequence[float]]:
    """Round trips in milliseconds, ascending: from n1, which is shaped, and from n3, which is not, to n2."""
    found = []
    for source in ("n1", "n3"):
        answers = [(await ask(cluster, source, "ping", to="n2"))["ms"] for _ in range(12)]
        found.append(sorted(ms for ms in answers if ms is not None))
    return found


async def dials(cluster: Any) -> list[str]:
    """How connections to n2 go: from n1, from n3."""
    return [(await ask(cluster, source, "dial", to="n2", port=7000))["how"] for source in ("n1", "n3")]


def mend(cluster: Any) -> Any:
    return cluster.network.mend("f")


def shaped(name: str, needs: str, shape: Shape, probe: Any, before: Any, during: Any) -> Fault:
    return Fault(name, needs, probe, before, lambda made: made.network.shape("f", ["n1"], shape), during, mend)


TO_AND_FRO = ways(("n2", "n1"), ("n1", "n2"), ("n3", "n1"), ("n2", "n3"))

FAULTS = [
    Fault(
        "one direction cut",
        "partition",
        TO_AND_FRO,
        lambda seen, _: seen == [10, 10, 10, 10],
        lambda made: made.network.cut("f", {"n1": ["n2"]}),
        lambda seen, _: seen == [0, 10, 10, 10],
        mend,
    ),
    Fault(
        "node isolated",
        "partition",
        TO_AND_FRO,
        lambda seen, _: seen == [10, 10, 10, 10],
        lambda made: made.network.cut("f", {"n1": ["n2", "n3"], "n2": ["n1"], "n3": ["n1"]}),
        lambda seen, _: seen == [0, 0, 0, 10],
        mend,
    ),
    Fault(
        "reject",
        "reject",
        dials,
        lambda seen, _: seen == ["connected", "connected"],
        lambda made: made.network.reject("f", {"n2": ["n1"]}),
        lambda seen, _: seen == ["ECONNREFUSED", "connected"],
        mend,
    ),
    shaped(
        "loss",
        "loss",
        Shape(loss=0.5),
        crowd,
        lambda seen, _: len(seen) == 200,
        lambda seen, _: 50 < len(seen) < 150,
    ),
    shaped(
        "duplication",
        "duplicate",
        Shape(duplicate=0.5),
        crowd,
        lambda seen, _: len(seen) == 200,
        lambda seen, _: len(seen) > 250 and len(set(seen)) == 200,
    ),
    shaped(
        "reordering",
        "reorder",
        Shape(reorder=0.3),
        crowd,
        lambda seen, _: seen == sorted(seen) and len(seen) == 200,
        lambda seen, _: seen != sorted(seen) and len(seen) == 200,
    ),
    shaped(
        "rate",
        "rate",
        Shape(rate_kbit=200),
        bulk,
        lambda ms, _: 0 < ms < 400,
        lambda ms, _: ms > 500,
    ),
    shaped(
        "delay",
        "delay",
        Shape(delay_ms=100),
        round_trips,
        lambda seen, _: seen[0][0] < 50 and seen[1][0] < 50,
        lambda seen, _: seen[0][0] >= 99 and seen[1][0] < 50,
    ),
    shaped(
        "jitter",
        "delay",
        Shape(delay_ms=60, jitter_ms=50),
        round_trips,
        lambda seen, _: seen[0][5] - seen[0][0] < 15,
        lambda seen, _: seen[0][9] - seen[0][2] > 15,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_links(stage: Stage, fault: Fault) -> None:
    play(stage, fault)
