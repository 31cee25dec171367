"""Faults of disks: what a node's writes come to, how long its syncs take, and what is there afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from matrix import Fault, ask, play
from stages import Stage

from harness.clusters.base import Corruption, Impairment
from harness.faults import Evidence

BLOCK = "x" * 65536
KEPT, LOST = "kept", "lost" * 1024


async def store(cluster: Any) -> list[Any]:
    """What a write of n1 and one of n2 come to: milliseconds, an errno's name, or silence."""
    return [await _store(cluster, node) for node in ("n1", "n2")]


async def _store(cluster: Any, node: str) -> Any:
    said = await ask(cluster, node, "store", timeout_s=1, text=BLOCK)
    return "silence" if said is None else said.get("errno", said.get("took_ms"))


def works(seen: list[Any], _: Any) -> bool:
    return all(isinstance(took, float) for took in seen)


def quick(seen: list[Any], _: Any) -> bool:
    return works(seen, _) and max(seen) < 300


async def repair(cluster: Any) -> Mapping[str, Evidence]:
    """Also starts what died of it."""
    evidence = await cluster.disks.repair("f")
    await cluster.processes.start(["n1"])
    return dict(evidence)


def impaired(kind: str, wanted: Any, **how: Any) -> Fault:
    return Fault(
        kind,
        f"disk-{kind}",
        store,
        works,
        lambda made: made.disks.impair("f", ["n1"], Impairment(kind, **how)),
        lambda seen, _: seen[0] == wanted and isinstance(seen[1], float),
        repair,
    )


async def look(cluster: Any) -> Any:
    """What n1 finds on its disk; None when it is not there."""
    return await ask(cluster, "n1", "look", timeout_s=2)


def sound(seen: Any, _: Any) -> bool:
    return seen is not None and not seen["flipped_bits"] and not seen["missing_bytes"]


async def lose_power(cluster: Any) -> Mapping[str, Evidence]:
    await ask(cluster, "n1", "store", text=KEPT)
    await ask(cluster, "n1", "hoard", text=LOST)
    return dict(await cluster.disks.lose_power(["n1"]))


def forgot(seen: Any, first: Any) -> bool:
    """Whether what was synced is there, and not all of what was not: some of it may be."""
    return seen is not None and 0 <= seen["bytes"] - first["bytes"] - len(KEPT) < 10 * len(LOST)


async def start(cluster: Any) -> Mapping[str, Evidence]:
    return dict(await cluster.processes.start(["n1"]))


def corrupted(kind: str, hurt: Any) -> Fault:
    async def corrupt(cluster: Any) -> Mapping[str, Evidence]:
        await ask(cluster, "n1", "store", text=BLOCK)
        if kind == "restore":
            await cluster.disks.corrupt(["n1"], Corruption("snapshot", files="log", seed=1))
            await ask(cluster, "n1", "overwrite")
        return dict(await cluster.disks.corrupt(["n1"], Corruption(kind, files="log", seed=1)))

    return Fault(f"corruption: {kind}", "corrupt", look, sound, corrupt, hurt, renew)


async def renew(cluster: Any) -> Mapping[str, Evidence]:
    """What is damaged stays so until somebody writes it anew."""
    await ask(cluster, "n1", "renew")
    return {}


FAULTS = [
    impaired("full", "ENOSPC"),
    impaired("read-only", "EROFS"),
    impaired("hang", "silence"),
    impaired("error", "EIO", error="EIO"),
    Fault(
        "slow",
        "disk-slow",
        store,
        quick,
        lambda made: made.disks.impair("f", ["n1"], Impairment("slow", delay_ms=400)),
        lambda seen, _: seen[0] >= 400 and seen[1] < 400,
        repair,
    ),
    Fault(
        "power loss",
        "power-loss",
        look,
        lambda seen, _: seen is not None,
        lose_power,
        lambda seen, _: seen is None,
        start,
        forgot,
    ),
    corrupted("flip", lambda seen, _: seen["flipped_bits"] >= 1 and not seen["missing_bytes"]),
    corrupted("truncate", lambda seen, _: seen["missing_bytes"] >= 1),
    corrupted("restore", lambda seen, _: seen["flipped_bits"] >= 1 and not seen["missing_bytes"]),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_disks(stage: Stage, fault: Fault) -> None:
    play(stage, fault)
