"""The bytes of an SSH channel, for an event loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.clusters.linux.agent.streams import CHUNK

if TYPE_CHECKING:
    from paramiko import Channel


class SshStream:
    """A `harness.clusters.linux.agent.streams.Stream`. paramiko's channels block, so a thread reads, and one of the
    loop's writes."""

    def __init__(self, channel: Channel, rest: bytes = b"") -> None:
        """`rest` is what was read already. Made within the loop that is to use it."""
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._ended = False
        if rest:
            self._pieces.put_nowait(rest)
        threading.Thread(target=self._read, name="ssh channel", daemon=True).start()

    async def read(self) -> bytes:
        """See `Stream`."""
        if self._ended and self._pieces.empty():
            return b""
        return await self._pieces.get()

    async def write(self, data: bytes) -> None:
        """See `Stream`."""
        if self._ended:
            raise ConnectionResetError("the channel is closed")
        try:
            await asyncio.to_thread(self._channel.sendall, data)
        except (OSError, EOFError) as gone:
            raise ConnectionResetError(str(gone)) from gone

    def close(self) -> None:
        """See `Stream`. After the other side's own end, its exit status is still to come."""
        if not self._ended:
            with suppress(OSError, EOFError):
                self._channel.close()
            self._end()

    def _read(self) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody wants it
            with suppress(OSError, EOFError):
                while data := self._channel.recv(CHUNK):
                    self._loop.call_soon_threadsafe(self._pieces.put_nowait, data)
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self._ended = True
        self._pieces.put_nowait(b"")
