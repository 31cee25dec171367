"""What a store needs is bounded by what it holds, not by what it was ever asked: disks and memory under many writes to
few keys."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from harness.node import RpcError
from targets.bundled.async_replica import async_replica
from targets.bundled.cache import cache
from targets.bundled.crdt import crdt
from targets.bundled.dynamo import dynamo
from targets.bundled.multi_leader import multi_leader
from targets.bundled.outbox import outbox
from targets.bundled.paxos import paxos
from targets.bundled.primary_backup import primary_backup
from targets.bundled.quorum import quorum
from targets.bundled.raft import raft
from targets.bundled.sloppy_quorum import sloppy_quorum
from targets.bundled.sync_replicas import sync_replicas
from targets.toy import Toy
from targets.toys import journal, machine
from tests.targets.lab import Lab, in_lab

RATE = 200

KEYS = 5

BRANCH = "n2"
"""No primary, and not the head office of the outbox, whose books grow with what is booked."""


DATA = (dict, list, tuple, set, deque, str, bytes, int, float)


def disk_bytes(lab: Lab, node: str) -> int:
    """What is on a node's disk."""
    disk = lab.cluster._machines[node].disk
    return sum(len(disk.read(name) or b"") for name in disk.names())


def memory_bytes(lab: Lab, node: str) -> int:
    """What a node's process holds: all that can be reached from it, up to its surroundings."""
    process = lab.cluster._machines[node].process
    assert process is not None and process.node is not None
    seen: dict[int, Any] = {}
    waiting = [vars(process.node)]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and _is_data(one):
            seen[id(one)] = one
            waiting += gc.get_referents(one)
    return sum(map(sys.getsizeof, seen.values()))


def _is_data(one: Any) -> bool:
    module = type(one).__module__
    return module.startswith("targets.") or (module in ("builtins", "collections") and isinstance(one, DATA))


async def write(lab: Lab, number: int) -> None:
    await lab.ask(_node(number), type="write", key=number % KEYS, value=f"value {number}")


async def read_and_write(lab: Lab, number: int) -> None:
    """As those do who leave no siblings behind."""
    seen = await lab.ask(BRANCH, type="read", key=number % KEYS)
    await lab.ask(BRANCH, type="write", key=number % KEYS, value=f"value {number}", context=seen["context"])


async def count(lab: Lab, number: int) -> None:
    await lab.ask(_node(number), type="txn", steps=[["add", number % KEYS, number]])


async def append(lab: Lab, number: int) -> None:
    await lab.ask(BRANCH, type="txn", steps=[["append", number % KEYS, f"entry {number}"]])


def _node(number: int) -> str:
    return f"n{number % 5 + 1}"


Step = Callable[[Lab, int], Awaitable[None]]

STORES: dict[str, tuple[Toy, Step]] = {
    "multi-leader": (multi_leader(), write),
    "crdt-registers": (crdt(), write),
    "crdt-counters": (crdt(), count),
    "dynamo": (dynamo(), read_and_write),
    "quorum": (quorum(), write),
    "sloppy-quorum": (sloppy_quorum(), write),
    "paxos": (paxos(), write),
    "cache": (cache(), write),
    "outbox": (outbox(), append),
    "raft": (raft(snapshot_records=100), write),
    "sync-replicas": (sync_replicas(snapshot_records=100), write),
    "primary-backup": (primary_backup(snapshot_records=100), write),
    "async-replica": (async_replica(snapshot_records=100), write),
}


def grown(target: Toy, step: Step, seconds: float, pauses: int = 4) -> list[tuple[int, int]]:
    """Disk and memory of whichever node has most, in bytes, each time that a part of the time has passed."""
    sizes = []

    answered = 0

    async def attempt(lab: Lab, number: int) -> None:
        nonlocal answered
        with contextlib.suppress(RpcError):
            await step(lab, number)
            answered += 1

    async def scene(lab: Lab) -> None:
        number = 0
        for _ in range(pauses):
            asked = []
            for _ in range(round(seconds * RATE / pauses)):
                number += 1
                asked.append(asyncio.ensure_future(attempt(lab, number)))
                await asyncio.sleep(1 / RATE)
            await asyncio.gather(*asked)
            nodes = [BRANCH] if step is append else lab.cluster.nodes
            sizes.append((max(disk_bytes(lab, node) for node in nodes), max(memory_bytes(lab, node) for node in nodes)))

    in_lab(target, scene)
    assert answered > 0.9 * seconds * RATE
    return sizes


@pytest.mark.parametrize("store", STORES)
def test_neither_disk_nor_memory_grows_with_the_number_of_writes(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "REMEMBERED", 20)  # outcomes that are kept for each server
    monkeypatch.setattr(journal, "COMPACT_BYTES_MIN", 4_096)
    sizes = grown(*STORES[store], seconds=4)
    disks, memories = zip(*sizes, strict=True)
    assert max(disks) < 20_000
    assert max(memories[2:]) < 1.4 * max(memories[:2]), "twice the writes need no more memory"
