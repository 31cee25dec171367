"""The way to one other node: a connection made when there is something to say, and a short queue while there is none.

A network fault must cost messages, not time: a connection that gets no acknowledgement for a second is given up,
whereas the kernel would try it again ever more rarely for a quarter of an hour, long after the fault has gone. While
there is no connection the newest messages are kept, and the rest is lost, as stores must bear anyway.

TCP needs both directions. A fault that cuts one of them lets a node's messages through until its connection is given
up, and none after.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque

QUEUE_MESSAGES_MAX = 1000
QUEUE_BYTES_MAX = 32 * 1024 * 1024

UNACKNOWLEDGED_MS_MAX = 1000
"""How long sent data may stay unacknowledged until the connection is given up (tcp(7), TCP_USER_TIMEOUT)."""

DIAL_S_MAX = 0.5
"""Below the one second after which the kernel would repeat a lost first packet; the next attempt is a fresh one."""

BACKOFF_S_MIN = 0.02
BACKOFF_S_MAX = 0.25


class Peer(asyncio.Protocol):
    """Sends lines to one address, in order, each at most once."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._writable = False
        self._flush_due = False
        self._dialling: asyncio.Task[None] | None = None
        self.dropped = 0

    def send(self, line: bytes) -> None:
        """Takes a line for sending as soon as possible; drops the oldest when too many wait."""
        self._queue.append(line)
        self._queued_bytes += len(line)
        while len(self._queue) > QUEUE_MESSAGES_MAX or self._queued_bytes > QUEUE_BYTES_MAX:
            self._queued_bytes -= len(self._queue.popleft())
            self.dropped += 1
        if self._transport is None:
            self._dial()
        elif self._writable and not self._flush_due:
            # Lines that one turn of the loop produces leave in one packet.
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def close(self) -> None:
        """Gives up the connection and what still waits."""
        self._queue.clear()
        if self._dialling is not None:
            self._dialling.cancel()
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS_MAX)
        self._transport = transport
        self._writable = True
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Answers come over the peer's own connection; what is said here is nothing we asked for."""

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._writable = False
        if self._queue:
            self._dial()

    def _flush(self) -> None:
        self._flush_due = False
        if self._queue and self._transport is not None and self._writable:
            self._transport.write(b"".join(self._queue))
            self._queue.clear()
            self._queued_bytes = 0

    def _dial(self) -> None:
        if self._dialling is None:
            self._dialling = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = BACKOFF_S_MIN
        try:
            while self._queue and self._transport is None:
                try:
                    async with asyncio.timeout(DIAL_S_MAX):
                        await loop.create_connection(lambda: self, *self._address)
                except OSError:  # a time-out is one, too
                    await asyncio.sleep(pause_s)
                    pause_s = min(2 * pause_s, BACKOFF_S_MAX)
        finally:
            self._dialling = None
