"""A key-value store that loses no write and decides nothing: what was written at the same time is kept side by side.

Like Dynamo (DeCandia et al., SOSP 2007) it takes writes on every server, in every partition, and leaves conflicts to
those who can tell what they mean. A read returns all *siblings* of a key and a *context*, which stands for everything
that the reader has now seen. A write hands the context back: it replaces what its writer had seen, and nothing else. An
application merges by reading, joining the siblings (of two shopping carts, the union), and writing the result with the
context it read. The trade-off: always available, no acknowledged write vanishes in silence, all servers agree in the
end; but readers must expect several values, stale ones among them, and there is no compare-and-set.

- *Vector clocks* by server, of which each write has one *dot*, its own event, so that two writers who saw the same are
  told apart (Preguica et al., "Dotted Version Vectors", 2012). A key holds the siblings by dot, and a clock of all
  dots it has ever seen, here or in what was merged (Almeida et al., "Scalable and Accurate Causality Tracking for
  Eventually Consistent Stores", DAIS 2014).
- *Merging*: a sibling that only one side has is new if the other's clock does not cover its dot, and was overwritten
  there if it does. The order makes no difference.
- *A removal* leaves the clock behind, without which a replica that was away would bring the removed value back. It is
  never collected, since that takes to know that every server has heard of it, those included that are down: that is the
  cost, and so is a place in the clocks of all keys written since for every start of a server.
- *A server that starts again takes a new name in clocks*: it cannot know which dots it gave before its disk was synced.

Every server holds every key; each write is durable on one of them before it is acknowledged, sent to all others at
once, and brought again by gossip. A disk that is lost for good takes the writes it had not passed on yet.
"""

from __future__ import annotations

from typing import Any

from harness.node import Body, Host, Node, RpcError
from harness.node.errors import MALFORMED_REQUEST
from targets.toys.boots import count_boot
from targets.toys.gossip import Gossip
from targets.toys.journal import Journal
from targets.toys.requests import field, key_of
from targets.toys.siblings import Clock, Siblings, joined, merge, without

Key = str | int

EMPTY = Siblings({}, {})


class Dynamo(Node):
    """One server. `gossip_ms`: the mean time between two messages of gossip."""

    def __init__(self, host: Host, *, gossip_ms: float = 200) -> None:
        super().__init__(host)
        self._journal = Journal(host.disk, "siblings.log", self._items)
        self._gossip = Gossip(self, self._items, gossip_ms, self._journal)
        self._held: dict[Key, Siblings] = {}
        self._actor = ""

    async def start(self) -> None:
        for key, clock, values in self._journal.recover():
            self._held[key] = Siblings(clock, values)
        await self._journal.sync()
        self._actor = f"{self.name}.{await count_boot(self.disk)}"
        self._gossip.start()

    # Requests ---------------------------------------------------------------------------------------------------------

    async def on_read(self, source: str, body: Body) -> Body:
        """All siblings, and the context to write over them. Durable first: a context must not outlive what it says."""
        held = self._held.get(key_of(body), EMPTY)
        await self._journal.sync()
        return {"type": "read_ok", "values": held.in_order(), "context": held.clock}

    async def on_write(self, source: str, body: Body) -> Body:
        """Adds a value, in place of the siblings that `context` covers; none without it."""
        await self._accept(key_of(body), _context(body), [field(body, "value")])
        return {"type": "write_ok"}

    async def on_remove(self, source: str, body: Body) -> Body:
        """Removes the siblings that `context` covers."""
        await self._accept(key_of(body), _context(body), [])
        return {"type": "remove_ok"}

    def on_status(self, source: str, body: Body) -> Body:
        return {"type": "status_ok", "role": "peer", "keys": len(self._held)}

    async def _accept(self, key: Key, context: Clock, values: list[Any]) -> None:
        """Does a write or a removal here, and tells the others as soon as it is durable."""
        held = self._overwritten(self._held.get(key, EMPTY), context)
        for value in values:
            held = held.plus(self._actor, value)
        self._keep(key, held)
        await self._journal.sync()
        for peer in self.peers:
            self.send(peer, {"type": "gossip", "items": [_item(key, held)]})

    def _overwritten(self, held: Siblings, context: Clock) -> Siblings:
        """What is left of a key's siblings for someone who has seen `context`; its clock goes on."""
        return without(held, context)

    # Between servers --------------------------------------------------------------------------------------------------

    def on_gossip(self, source: str, body: Body) -> None:
        """Merges what another server holds; durable soon enough: if it is lost here, it comes again."""
        for key, clock, values in body["items"]:
            held = self._held.get(key, EMPTY)
            merged = self._merged(held, Siblings(clock, values))
            if merged != held:
                self._keep(key, merged)

    def _merged(self, ours: Siblings, theirs: Siblings) -> Siblings:
        return merge(ours, theirs)

    def _keep(self, key: Key, held: Siblings) -> None:
        self._held[key] = held
        self._journal.append(_item(key, held))

    def _items(self) -> list[list[Any]]:
        return [_item(key, held) for key, held in self._held.items()]


def _item(key: Key, held: Siblings) -> list[Any]:
    return [key, held.clock, held.values]


def _context(body: Body) -> Clock:
    """The context of a write, empty for a writer who has seen nothing. Raises `RpcError`."""
    context = body.get("context") or {}
    if not isinstance(context, dict) or not all(isinstance(count, int) for count in context.values()):
        raise RpcError(MALFORMED_REQUEST, "a context is what a read returned, or left out")
    return joined(context, {})
