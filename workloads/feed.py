"""The client of everything that is a feed, for bundled stores that take transactions: a list that is appended to."""

from __future__ import annotations

from harness.operation import Operation
from workloads.connected import Connected


class FeedClient(Connected):
    """`read` returns the whole list; any other operation appends its value."""

    async def invoke(self, op: Operation) -> Operation:
        """Raises `Failed` or `Indeterminate` as the error says."""
        if op.f == "read":
            [found] = await self.transact(["r", op.key, None])
            return op.ok(found or [])
        await self.transact(["append", op.key, op.value])
        return op.ok(op.value)
