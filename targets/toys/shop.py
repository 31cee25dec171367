"""A shop: pages that are always there, and a checkout that never sells anything twice.

One system need not make one choice. What visitors read and sellers change is kept as `multi_leader` does: every server
answers alone, on whichever side of a cut it is, and all agree in the end. What is sold goes through `raft`: an order is
taken by a majority or by nobody, so on the smaller side visitors browse and cannot order.

The rule that makes this right is that nothing flows from the first to the second. A page may be late; so whoever orders
is asked for nothing that a page told, and the stock is looked up where it is sold. A request says what it is by what it
asks for: `read`, `write` and `cas` are of a page, a transaction is of the checkout.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from harness.node import Body, Host, Node, RpcError
from harness.node.errors import MALFORMED_REQUEST
from targets.toys.multi_leader import MultiLeader
from targets.toys.part import PartHost
from targets.toys.raft import Raft


class Shop(Node):
    """One server. Options as for `Raft`, which the checkout is, and `gossip_ms` as for `MultiLeader`."""

    def __init__(self, host: Host, *, gossip_ms: int = 400, **options: Any) -> None:
        super().__init__(host)
        self.pages = MultiLeader(PartHost(host, "pages"), gossip_ms=gossip_ms)
        self.checkout = Raft(PartHost(host, "checkout"), **options)
        self._parts: dict[str, Node] = {"pages": self.pages, "checkout": self.checkout}

    async def start(self) -> None:
        for part in self._parts.values():
            await part.boot()

    def on_part(self, source: str, body: Body) -> None:
        """A message from one part to the same part here, which answers it itself."""
        part = self._parts.get(str(body.get("part")))
        if part is None or not isinstance(body.get("body"), dict):
            raise RpcError(MALFORMED_REQUEST, f"a shop has the parts {', '.join(self._parts)}")
        part.receive(source, body["body"])

    def on_read(self, source: str, body: Body) -> Body | Awaitable[Body]:
        return self.pages.on_read(source, body)

    def on_write(self, source: str, body: Body) -> Awaitable[Body]:
        return self.pages.on_write(source, body)

    def on_cas(self, source: str, body: Body) -> Awaitable[Body]:
        return self.pages.on_cas(source, body)

    def on_txn(self, source: str, body: Body) -> Awaitable[Body]:
        return self.checkout.on_txn(source, body)

    def on_status(self, source: str, body: Body) -> Body:
        """The checkout's: who leads there."""
        return self.checkout.on_status(source, body)
