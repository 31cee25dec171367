"""A key-value store with a primary that waits for every replica: all copies are equal, and one lost link stops writes.

A write is acknowledged once every server has it on disk (read one, write all: Bernstein, Hadzilacos and Goodman,
"Concurrency Control and Recovery in Database Systems", 1987, chapter 8). The trade-off is consistency at the price of
the slowest and the least reliable copy: any number of disks may be lost without losing a write, yet whatever cuts off a
single replica stops all writes until it is back. Nothing fails over: the first server is the primary, for good.

- *Reads* are served by every server from its own copy, also by one that is cut off. A server that has a write to that
  key of which it does not know whether it was acknowledged asks the primary how far the acknowledged log reaches
  (apportioned queries: Terrace and Freedman, "Object Storage on CRAQ", USENIX ATC 2009). Without such a write its copy
  is the latest, since an acknowledged one would have had to be here.
- *After a restart* nobody remembers what was acknowledged. A replica asks; the primary serves reads once every replica
  has confirmed all that its log holds.
- *A primary that misses a replica* refuses writes at once, so that what waits in vain stays little.
"""

from __future__ import annotations

from typing import Any

from harness.node import Body
from targets.toys.ordered import PATIENCE_S, Ordered, unavailable
from targets.toys.requests import key_of

SILENT_NS_MAX = 400_000_000
"""A replica that has said nothing for so long counts as cut off."""


class SyncReplicas(Ordered):
    """One server. Options as for `Ordered`."""

    async def start(self) -> None:
        await super().start()
        if self.name == self.nodes[0]:
            self.state.enter(self.state.term + 1, self.name)  # what this server forgot unacknowledged gives way
            await self.state.sync()
            self.lead()

    def admit(self) -> None:
        since_ns = self.clock.monotonic() - SILENT_NS_MAX
        if silent := [name for name, peer in self.progress.all.items() if peer.heard_ns < since_ns]:
            raise unavailable(f"{', '.join(silent)} would have to be waited for in vain")

    def conclude(self) -> None:
        index = self.held_by_all()
        if index >= self.opening:
            self.apply_upto(index)

    def held_by_all(self) -> int:
        """The index up to which every server has the log on disk."""
        return min(self.own, *(peer.match for peer in self.progress.all.values()), self.state.last_index)

    async def on_read(self, source: str, body: Body) -> Body:
        key = key_of(body)
        if self.leads:
            return self.read_as_leader(key)
        if self.is_unsure(key):
            await self.catch_up()
        return self.registers.read(key)

    def is_unsure(self, key: str | int) -> bool:
        """Whether a write to that key is here of which only the primary knows whether it was acknowledged."""
        pending = range(self.commit + 1, self.state.last_index + 1)
        return any(key in _written(self.state.command_at(index)) for index in pending)

    async def catch_up(self) -> None:
        """Applies what the primary has acknowledged. Raises `RpcError`."""
        try:
            reply = await self.rpc(self.nodes[0], {"type": "acknowledged"}, PATIENCE_S)
        except TimeoutError:
            raise unavailable("the primary did not say what was acknowledged") from None
        if reply["commit"] > self.state.last_index:
            raise unavailable("this server's log does not reach that far")
        self.apply_upto(reply["commit"])

    def on_acknowledged(self, source: str, body: Body) -> Body:
        if not self.leads or self.commit < self.opening:
            raise unavailable("the primary does not know yet what was acknowledged")
        return {"type": "acknowledged_ok", "commit": self.commit}


def _written(command: list[Any] | None) -> list[str | int]:
    """The keys that a command may write."""
    if command is None:
        return []
    return [key for _, key, _ in command[3]] if command[2] == "txn" else [command[3]]
