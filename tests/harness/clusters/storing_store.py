"""Stores for tests of disks: they keep one log, and acknowledge with or without a sync."""

from __future__ import annotations

import asyncio
import errno
import json
from typing import Any

from harness.node import Body, Host, Node, RpcError


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


class Careful(Node):
    """Registers in one log, on one node. With `sync` a write is acknowledged once it would survive a power loss."""

    def __init__(self, host: Host, *, sync: bool = True) -> None:
        super().__init__(host)
        self.sync = sync
        self.values: dict[Any, Any] = {}
        self.turn = asyncio.Lock()

    async def start(self) -> None:
        data = self.disk.read("log") or b""
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.splitlines():
            key, value = json.loads(line)
            self.values[key] = value
        if len(whole) < len(data):
            self.disk.truncate("log", len(whole))
        if data:
            await self.disk.sync("log")  # what is served from now on must not vanish either

    def on_read(self, source: str, body: Body) -> Body:
        return {"type": "read_ok", "value": self.values.get(body["key"])}

    async def on_write(self, source: str, body: Body) -> Body:
        async with self.turn:
            await self._put(body["key"], body["value"])
        return {"type": "write_ok"}

    async def on_cas(self, source: str, body: Body) -> Body:
        async with self.turn:
            if self.values.get(body["key"]) != body["from"]:
                raise RpcError(22, "another value", current=self.values.get(body["key"]))
            await self._put(body["key"], body["to"])
        return {"type": "cas_ok"}

    async def _put(self, key: Any, value: Any) -> None:
        self.disk.append("log", json.dumps([key, value]).encode() + b"\n")
        if self.sync:
            await self.disk.sync("log")
        self.values[key] = value
