"""A client's connection to a node on the real network, for controllers: requests in flight at once, matched by
`msg_id`.

A connection that breaks fails the calls in flight with `ConnectionResetError`: nobody knows what became of them. The
next call dials again; when that fails nothing was sent, and it raises `ConnectionRefusedError`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from harness.node.errors import RpcError
from harness.node.wire import Lines, Malformed, decode, encode

DIAL_S_MAX = 2.0


class TcpConnection(asyncio.Protocol):
    """Implements `harness.clusters.base.Connection`. `source` is this client's name, unlike that of any other; `dest`
    the node's. `connect` makes the socket
    where this process has no way of its own to the node."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        source: str,
        dest: str,
        connect: Callable[[], Awaitable[socket.socket]] | None = None,
    ) -> None:
        self._address = (host, port)
        self._connect = connect
        self._source = source
        self._dest = dest
        self._lines = Lines()
        self._transport: asyncio.Transport | None = None
        self._dial_lock = asyncio.Lock()
        self._replies: dict[int, asyncio.Future[dict[str, Any] | None]] = {}
        self._last_id = 0
        self._closed = False

    async def dial(self) -> None:
        """Connects, unless connected. Raises `ConnectionRefusedError` when nobody answers within `DIAL_S_MAX`."""
        async with self._dial_lock:
            if self._closed:
                raise ConnectionRefusedError("this connection was closed")
            if self._transport is not None:
                return
            try:
                async with asyncio.timeout(DIAL_S_MAX):
                    loop = asyncio.get_running_loop()
                    if self._connect is None:
                        await loop.create_connection(lambda: self, *self._address)
                    else:
                        await loop.create_connection(lambda: self, sock=await self._connect())
            except OSError as error:
                raise ConnectionRefusedError(f"{self._dest} at {self._address} cannot be reached: {error}") from error

    async def call(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one request and waits for its reply, for as long as it takes. Raises `RpcError` for a reply of type
        `error`."""
        if self._transport is None:
            await self.dial()
        self._last_id = msg_id = self._last_id + 1
        line = encode(self._source, self._dest, {**body, "msg_id": msg_id})
        future: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        self._replies[msg_id] = future
        assert self._transport is not None, "dial either connects or raises"
        self._transport.write(line)
        try:
            reply = await future
        finally:
            self._replies.pop(msg_id, None)
        if reply is None:
            raise ConnectionResetError(f"the connection to {self._dest} broke")
        if reply["type"] == "error":
            raise RpcError.from_body(reply)
        return reply

    async def close(self) -> None:
        """Hangs up, for good. Idempotent."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()
            self._broken()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports do not derive from asyncio's
        self._lines = Lines()
        if self._closed:
            transport.close()

    def data_received(self, data: bytes) -> None:
        try:
            for line in self._lines.feed(data):
                self._take(decode(line).body)
        except Malformed:
            # Not a node of ours: whatever it meant, the calls in flight will get no answer.
            if self._transport is not None:
                self._transport.abort()
            self._broken()

    def connection_lost(self, error: Exception | None) -> None:
        self._broken()

    def _take(self, body: dict[str, Any]) -> None:
        future = self._replies.get(body.get("in_reply_to", 0))
        if future is not None and not future.done():
            future.set_result(body)

    def _broken(self) -> None:
        self._transport = None
        for future in self._replies.values():
            if not future.done():
                future.set_result(None)
