"""A `Channel` over plain streams of bytes: the standard input and output of a program in a container, or at the end of
an SSH session. No descriptors can be passed through one.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from harness.clusters.linux.agent.protocol import LINE_BYTES_MAX, decode, encode, unpack_error
from harness.errors import ClusterError

CHUNK = 65536


class Stream(Protocol):
    """Bytes both ways. One task may read, one may write."""

    async def read(self) -> bytes:
        """Some bytes, as soon as there are any; none at the end. Raises `ConnectionError`."""
        ...

    async def write(self, data: bytes) -> None:
        """Returns once the data is on its way. Raises `ConnectionError`."""
        ...

    def close(self) -> None:
        """Idempotent."""
        ...


class StreamChannel:
    """See `harness.clusters.linux.agent.protocol.Channel`; it owns the stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._sending = asyncio.Lock()
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()

    async def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """See `Channel`."""
        if descriptors:
            raise ClusterError("this agent is too far away to hand anything over")
        async with self._sending:
            await self._stream.write(encode(message))

    async def receive(self) -> tuple[dict[str, Any], list[int]] | None:
        """See `Channel`."""
        try:
            while not self._lines:
                data = await self._stream.read()
                if not data:
                    return None
                self._take(data)
            return decode(self._lines.popleft()), []
        except (ValueError, ConnectionError):
            return None

    def close(self) -> None:
        """See `Channel`."""
        self._stream.close()

    def _take(self, data: bytes) -> None:
        self._rest += data
        if b"\n" in data:
            *whole, rest = self._rest.split(b"\n")
            self._lines.extend(map(bytes, whole))
            self._rest = bytearray(rest)
        if len(self._rest) > LINE_BYTES_MAX:
            raise ValueError(f"a message is longer than {LINE_BYTES_MAX} bytes")


class PipeStream:
    """A `Stream` over two descriptors, which it owns: pipes or sockets."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        transports: tuple[asyncio.ReadTransport, asyncio.WriteTransport],
        flow: _Flow,
    ) -> None:
        self._reader = reader
        self._incoming, self._outgoing = transports
        self._flow = flow

    @classmethod
    async def open(cls, read: int, write: int) -> PipeStream:
        """Over a descriptor to read from and one to write to."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        incoming, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", 0)
        )
        outgoing, flow = await loop.connect_write_pipe(_Flow, os.fdopen(write, "wb", 0))
        return cls(reader, (incoming, outgoing), flow)

    async def read(self) -> bytes:
        """See `Stream`."""
        return await self._reader.read(CHUNK)

    async def write(self, data: bytes) -> None:
        """See `Stream`."""
        if self._outgoing.is_closing():
            raise ConnectionResetError("the stream is closed")
        self._outgoing.write(data)
        await self._flow.drained()

    def close(self) -> None:
        """See `Stream`. What was written is still sent."""
        self._incoming.close()
        self._outgoing.close()


class _Flow(asyncio.BaseProtocol):
    """Lets a writer wait until the other side takes what was written."""

    def __init__(self) -> None:
        self._free = asyncio.Event()
        self._free.set()
        self._lost = False

    def pause_writing(self) -> None:
        self._free.clear()

    def resume_writing(self) -> None:
        self._free.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._free.set()

    async def drained(self) -> None:
        await self._free.wait()
        if self._lost:
            raise ConnectionResetError("nobody reads the stream any more")


async def introduce(channel: StreamChannel, order: Mapping[str, Any], timeout_s: float = 30.0) -> dict[str, Any]:
    """The controller's first words to an agent (see `beside`); returns what it says about itself. Raises what it
    raises, or `ClusterError`."""
    try:
        async with asyncio.timeout(timeout_s):
            await channel.send(order)
            received = await channel.receive()
    except TimeoutError as silent:
        raise ClusterError(f"the node's agent said nothing for {timeout_s:g} s") from silent
    except ConnectionError as gone:
        raise ClusterError(f"the node's agent is gone: {gone}") from gone
    if received is None:
        raise ClusterError("the node's agent died at its start, or spoke no sense")
    said, _ = received
    if "error" in said:
        raise unpack_error(said["error"])
    return said
