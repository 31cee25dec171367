"""The target: how the store's nodes run, how to talk to them, and what they promise."""

from collections.abc import Sequence

from harness.claims import Claim
from harness.clusters.base import Cluster, Connection
from harness.operation import Operation
from harness.target import NodeService


class TinyCounter:
    """Hands out numbers; `apart: false` makes the nodes count on their own, and the claim false."""

    name = "tiny-counter"
    workloads = ("tiny-increments",)
    claims = (Claim.of("unique", "tiny-no-repeats", workload="tiny-increments", nemeses=["tiny-clock"]),)

    def __init__(self, *, apart: bool = True) -> None:
        self.service = NodeService("tiny_plugins.store:Counter", packages=(), options={"apart": apart})

    def client(self, workload: str, cluster: Cluster, node: str) -> "CounterClient":
        return CounterClient(cluster, node)

    async def ready(self, cluster: Cluster) -> None:
        """A counter serves as soon as it listens."""

    async def primaries(self, cluster: Cluster) -> Sequence[str]:
        return ()


class CounterClient:
    """One request per operation."""

    def __init__(self, cluster: Cluster, node: str) -> None:
        self._cluster = cluster
        self._node = node
        self._connection: Connection | None = None

    async def open(self) -> None:
        self._connection = await self._cluster.connect(self._node)

    async def invoke(self, op: Operation) -> Operation:
        assert self._connection is not None
        reply = await self._connection.call({"type": "next"})
        return op.ok(reply["value"])

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
