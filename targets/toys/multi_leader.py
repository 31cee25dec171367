"""A key-value store without a leader: it always answers, and forgets.

Every server takes reads and writes on its own and tells the others later. Of two writes to one key the one with the
later timestamp wins, by the wall clock of the server that took it, ties going to the greater name. The trade-off is
that of every AP store (Gilbert and Lynch, "Brewer's Conjecture", SIGACT News 2002): no cut and no dead peer costs an
answer, and all servers agree in the end (Shapiro et al., "Conflict-free Replicated Data Types", SSS 2011: a
last-writer-wins register); meanwhile reads are stale, both sides of a compare-and-set succeed, and of concurrent
writes all but one are lost though acknowledged. A server whose clock is behind loses even writes that came later.

- *Durable before acknowledged*, on the disk of the server that took the write; elsewhere a little later.
- *Replication and anti-entropy* as in `epidemic`: each write is sent to all others once, and compared for later.
- *Nothing is deleted*, so there are no tombstones: a key that was ever written holds one version for good.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from harness.node import Body, Host, RpcError
from harness.node.errors import PRECONDITION_FAILED
from targets.toys.epidemic import Epidemic
from targets.toys.requests import field, key_of
from targets.toys.values import steps_of, transact

Version = list[Any]
"""`[key, value, timestamp in ns, name of the server that took it]`."""


class MultiLeader(Epidemic):
    """One server. Options as for `Epidemic`."""

    def __init__(self, host: Host, *, batch_ms: float = 5, gossip_ms: int = 400) -> None:
        super().__init__(host, batch_ms=batch_ms, gossip_ms=gossip_ms)
        self._versions: dict[str | int, Version] = {}
        self._latest_ns = 0

    # Requests ---------------------------------------------------------------------------------------------------------

    def on_read(self, source: str, body: Body) -> Body:
        return {"type": "read_ok", "value": self._value(key_of(body))}

    async def on_write(self, source: str, body: Body) -> Body:
        await self._accept(key_of(body), field(body, "value"))
        return {"type": "write_ok"}

    async def on_cas(self, source: str, body: Body) -> Body:
        key, expected, value = key_of(body), field(body, "from"), field(body, "to")
        current = self._value(key)
        if current != expected:
            text = f"expected {expected!r:.80}, found {current!r:.80}"
            raise RpcError(PRECONDITION_FAILED, text, current=current)
        await self._accept(key, value)
        return {"type": "cas_ok"}

    async def on_txn(self, source: str, body: Body) -> Body:
        """All at once on this server; elsewhere its writes arrive one by one, and may each lose to others."""
        results, written = transact(self._value, steps_of(body))
        await asyncio.gather(*(self._accept(key, value) for key, value in written.items()))
        return {"type": "txn_ok", "results": results}

    def on_status(self, source: str, body: Body) -> Body:
        return {"type": "status_ok", "role": "peer", "keys": len(self._versions)}

    def _value(self, key: str | int) -> Any:
        version = self._versions.get(key)
        return None if version is None else version[1]

    async def _accept(self, key: str | int, value: Any) -> None:
        """Takes a write, and returns once it is durable here."""
        self.change([key, value, self._stamp(), self.name])
        await self.harden()

    def _stamp(self) -> int:
        """A timestamp later than any this server gave before, even if its clock was set back."""
        self._latest_ns = max(self.clock.wall(), self._latest_ns + 1)
        return self._latest_ns

    # Between servers --------------------------------------------------------------------------------------------------

    def take(self, version: Version) -> bool:
        """Keeps a version if it is the latest of its key. The order in which versions come makes no difference."""
        key, _, time_ns, name = version
        if name == self.name:
            self._latest_ns = max(self._latest_ns, time_ns)
        known = self._versions.get(key)
        if known is not None and not self._wins(version, known):
            return False
        self._versions[key] = version
        self.held.put(json.dumps(key), version)
        return True

    def _wins(self, version: Version, known: Version) -> bool:
        """Whether a version replaces another of its key: the later one, ties going to the greater name.

        Two of one server with the same timestamp cannot be, unless its clock was set back and its disk lost the first;
        the value decides then, so that all servers still agree.
        """
        if version[2:] != known[2:]:
            return version[2:] > known[2:]
        return json.dumps(version[1], sort_keys=True) > json.dumps(known[1], sort_keys=True)
