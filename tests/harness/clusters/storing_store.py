"""A store for tests of disks: it keeps one log, and acknowledges with or without a sync."""

from __future__ import annotations

import errno

from harness.node import Body, Node


class Storing(Node):
    """`store` syncs before it answers and says how long it took, or which error it met; `hoard` answers at once."""

    async def on_store(self, source: str, body: Body) -> Body:
        began = self.clock.monotonic()
        try:
            self.disk.append("log", b"store")
            await self.disk.sync("log")
        except OSError as refused:
            return {"type": "refused", "errno": errno.errorcode[refused.errno or 0]}
        return {"type": "store_ok", "took_ms": (self.clock.monotonic() - began) / 1e6}

    def on_hoard(self, source: str, body: Body) -> Body:
        self.disk.append("log", b"hoard")
        return {"type": "hoard_ok"}

    def on_look(self, source: str, body: Body) -> Body:
        return {"type": "look_ok", "found": (self.disk.read("log") or b"").decode("latin-1")}
