"""A bundled store in the simulator under a test's own hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from harness.clusters.sim import SimCluster
from harness.streams import Streams
from targets.toy import Toy

NODES = ("n1", "n2", "n3", "n4", "n5")


class Lab:
    """A cluster of five, and what a test does to it."""

    def __init__(self, cluster: SimCluster, target: Toy) -> None:
        self.cluster = cluster
        self.target = target

    async def ask(self, node: str, **body: Any) -> dict[str, Any]:
        """One request on a connection of its own. Raises `RpcError` as the store does."""
        connection = await self.cluster.connect(node)
        try:
            return await connection.call(body)
        finally:
            await connection.close()

    async def values(self, key: str, nodes: Sequence[str] = NODES) -> list[Any]:
        """What each of these nodes reads."""
        return [(await self.ask(node, type="read", key=key))["value"] for node in nodes]

    async def leader(self) -> str:
        """The one node that leads."""
        [leader] = await self.target.primaries(self.cluster)
        return leader

    async def cut_off(self, *nodes: str) -> None:
        """Leaves these nodes with one another alone, until `mend`."""
        others = [other for other in NODES if other not in nodes]
        cut = {node: list(others) for node in nodes} | {other: list(nodes) for other in others}
        await self.cluster.network.cut("lab", cut)

    async def mend(self) -> None:
        await self.cluster.network.mend("lab")

    async def restart(self, *nodes: str) -> None:
        await self.cluster.processes.kill(nodes)
        await self.cluster.processes.start(nodes)


def in_lab(target: Toy, scene: Callable[[Lab], Awaitable[None]]) -> None:
    """Plays a scene on a store that is ready."""
    cluster = SimCluster(nodes=NODES, streams=Streams(1), run_id="lab")

    async def main() -> None:
        await cluster.create(target)
        await target.ready(cluster)
        await scene(Lab(cluster, target))

    cluster.run(main)
