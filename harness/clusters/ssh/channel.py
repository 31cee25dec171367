"""The controller's end of a conversation with an agent, through an SSH channel."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.clusters.linux.agent.protocol import LINE_BYTES_MAX, decode, encode

if TYPE_CHECKING:
    from paramiko import Channel as SshStream

_CHUNK = 65536


class SshChannel:
    """A `harness.clusters.linux.agent.protocol.Channel`. paramiko's channels block, so a thread reads; what is sent is
    small, and is handed to a thread only to wait for a slow network."""

    def __init__(self, stream: SshStream, rest: bytes = b"") -> None:
        """`rest` is what was read already. Made within the loop that is to use it."""
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._sending = asyncio.Lock()
        self._lines: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._ended = False
        threading.Thread(target=self._read, args=(bytearray(rest),), name="ssh channel", daemon=True).start()

    async def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """See `Channel`. No descriptor passes between machines."""
        assert not descriptors, "on one machine only"
        async with self._sending:
            if self._ended:
                raise ConnectionResetError("the channel is closed")
            try:
                await asyncio.to_thread(self._stream.sendall, encode(message))
            except (OSError, EOFError) as gone:
                raise ConnectionResetError(str(gone)) from gone

    async def receive(self) -> tuple[dict[str, Any], list[int]] | None:
        """See `Channel`."""
        while not self._lines:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        try:
            return decode(self._lines.popleft()), []
        except ValueError:
            return None

    def close(self) -> None:
        """See `Channel`. Idempotent. After the other side's own end, its exit status is still to come."""
        if not self._ended:
            self._ended = True
            with suppress(OSError, EOFError):
                self._stream.close()
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.set)

    def _read(self, rest: bytearray) -> None:
        try:
            while data := self._stream.recv(_CHUNK):
                rest += data
                if b"\n" in data:
                    *whole, last = rest.split(b"\n")
                    self._loop.call_soon_threadsafe(self._take, [bytes(line) for line in whole])
                    rest = bytearray(last)
                if len(rest) > LINE_BYTES_MAX:
                    break
        except (OSError, EOFError):
            pass
        except RuntimeError:
            return  # the loop has ended: nobody wants it
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)

    def _take(self, lines: list[bytes]) -> None:
        self._lines.extend(lines)
        self._news.set()

    def _end(self) -> None:
        self._ended = True
        self._news.set()
