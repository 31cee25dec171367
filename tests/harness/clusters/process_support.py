"""What the process tests share: a small cluster of nodes that hear one another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from docker_support import Target, ask

from harness.clusters.process import ProcessCluster
from harness.streams import Streams

T = TypeVar("T")

NODES = ("n1", "n2", "n3")


def cluster(nodes: Sequence[str] = NODES) -> ProcessCluster:
    return ProcessCluster(nodes, streams=Streams(7), run_id="test")


def on_cluster(main: Callable[[ProcessCluster], Awaitable[T]], target: Any = None) -> T:
    """Runs a test on a cluster, and takes it down. Where no other target is named, all nodes have heard one another."""
    made = cluster()

    async def with_cluster() -> T:
        try:
            await made.create(target or Target())
            if target is None:
                await asyncio.gather(*(heard_all(made, node) for node in NODES))
            return await main(made)
        finally:
            await made.destroy()

    return made.run(with_cluster)


async def heard_all(cluster: ProcessCluster, node: str) -> None:
    for _ in range(1000):
        ages = (await ask(cluster, node))["ages_ms"]
        if len(ages) == len(NODES) - 1 and max(ages.values()) < 1000:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{node} does not hear the others")
