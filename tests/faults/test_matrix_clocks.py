"""Faults of clocks: the wall clock of a node beside its monotonic one, read by its own service."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from statistics import median
from typing import Any

import pytest
from matrix import Fault, ask, play
from stages import Stage

from harness.faults import Evidence

SAMPLES = 80
BUMP_MS = 5000.0
STROBE_MS = 1000.0
DRIFT_PPM = 200_000


async def samples(cluster: Any, count: int = SAMPLES) -> list[list[float]]:
    """By how much the wall clock of n1 and of n2 is ahead of their monotonic one, again and again, in milliseconds."""
    said = await asyncio.gather(*(ask(cluster, node, "clock", samples=count) for node in ("n1", "n2")))
    return [one["ahead_ms"] for one in said]


def steady(ahead: list[float]) -> bool:
    """Whether a clock neither drifts nor jumps; single samples may lie, the machine is busy."""
    return abs(median(ahead[:20]) - median(ahead[-20:])) < 15 and jumps(ahead) == 0


def jumps(ahead: list[float]) -> int:
    """How often a clock went back by more than half the strobe."""
    return sum(later < one - STROBE_MS / 2 for one, later in itertools.pairwise(ahead))


def off(seen: list[list[float]], first: list[list[float]]) -> list[float]:
    """By how much each clock is off from what it was, in milliseconds."""
    return [median(now) - median(then) for now, then in zip(seen, first, strict=True)]


def true(seen: list[list[float]], first: list[list[float]]) -> bool:
    return all(steady(one) for one in seen) and all(abs(ms) < 100 for ms in off(seen, first))


async def straight(cluster: Any) -> Mapping[str, Evidence]:
    return {"n1": await cluster.clocks.skew("n1", 0.0)}


def bumped(name: str, offset_ms: float) -> Fault:
    async def bump(cluster: Any) -> Mapping[str, Evidence]:
        return {"n1": await cluster.clocks.skew("n1", offset_ms)}

    def is_off(seen: list[list[float]], first: list[list[float]]) -> bool:
        by, other = off(seen, first)
        return abs(by - offset_ms) < 100 and abs(other) < 100 and steady(seen[0])

    return Fault(name, "clock", samples, true, bump, is_off, straight)


def strobed() -> Fault:
    strobing: list[asyncio.Task[None]] = []

    async def flip(cluster: Any) -> None:
        while True:
            for offset_ms in (STROBE_MS, 0.0):
                await cluster.clocks.skew("n1", offset_ms)
                await asyncio.sleep(0.02)

    async def inject(cluster: Any) -> Mapping[str, Evidence]:
        evidence = {"n1": await cluster.clocks.skew("n1", STROBE_MS)}
        strobing.append(asyncio.create_task(flip(cluster)))
        return evidence

    async def heal(cluster: Any) -> Mapping[str, Evidence]:
        task = strobing.pop()
        task.cancel()
        await asyncio.wait([task])
        return await straight(cluster)

    return Fault(
        "strobe", "clock", samples, true, inject, lambda seen, _: jumps(seen[0]) >= 3 and jumps(seen[1]) == 0, heal
    )


async def drift(cluster: Any) -> Mapping[str, Evidence]:
    return {"n1": await cluster.clocks.drift("n1", DRIFT_PPM)}


def drifts(seen: list[list[float]], _: list[list[float]]) -> bool:
    """A fifth too fast: over the 0.3 s between the medians that are 60 ms, and more on a machine that is slow."""
    return median(seen[0][-20:]) - median(seen[0][:20]) > 30 and steady(seen[1])


def reset() -> Fault:
    """The fault is over when it has been injected: what is seen while it is in force was sampled meanwhile."""
    sampled: list[Any] = []

    async def inject(cluster: Any) -> Mapping[str, Evidence]:
        sampling = asyncio.create_task(samples(cluster, 4 * SAMPLES))
        await asyncio.sleep(0.1)
        away = await cluster.clocks.skew("n1", BUMP_MS)
        await asyncio.sleep(0.1)
        sampled.append(await sampling if (await straight(cluster))["n1"].measured else None)
        return {"n1": away}

    async def probe(cluster: Any) -> Any:
        return sampled.pop() if sampled else await samples(cluster)

    def jumped(seen: list[list[float]], first: list[list[float]]) -> bool:
        there = [ms - median(first[0]) for ms in seen[0]]
        return max(there) > BUMP_MS - 100 and abs(there[-1]) < 100 and steady(seen[1])

    return Fault("reset", "clock", probe, true, inject, jumped, straight)


FAULTS = [
    bumped("bump forwards", BUMP_MS),
    bumped("bump backwards", -BUMP_MS),
    strobed(),
    Fault("drift", "clock", samples, true, drift, drifts, straight),
    reset(),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_clocks(stage: Stage, fault: Fault) -> None:
    play(stage, fault)
