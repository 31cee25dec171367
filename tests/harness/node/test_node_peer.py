"""The way to another node: bounded while nobody listens, quick to come back, never in the way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from harness.node import peer as peer_module
from harness.node.peer import QUEUE_MESSAGES_MAX, UNACKNOWLEDGED_MS_MAX, Peer


class Listener:
    """Takes lines on a port that can be opened and closed."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0.05)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        while line := await reader.readline():
            self.lines.append(int(line))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # what it waits for happens in sockets
            await asyncio.sleep(0.01)


def play(story: Callable[[Listener, Peer], Awaitable[None]]) -> None:
    async def main() -> None:
        listener = Listener()
        await listener.open()
        peer = Peer("127.0.0.1", listener.port)
        try:
            await story(listener, peer)
        finally:
            peer.close()
            await listener.close()

    asyncio.run(main())


def test_lines_arrive_in_order_over_one_connection_made_when_needed() -> None:
    async def story(listener: Listener, peer: Peer) -> None:
        await asyncio.sleep(0.02)
        assert listener.connections == 0
        for number in range(500):
            peer.send(b"%d\n" % number)
            if number % 100 == 0:
                await asyncio.sleep(0.01)
        await until(lambda: len(listener.lines) == 500)
        assert listener.lines == list(range(500))
        assert (listener.connections, peer.dropped) == (1, 0)

    play(story)


def test_while_nobody_listens_the_newest_lines_are_kept_and_then_sent_soon() -> None:
    async def story(listener: Listener, peer: Peer) -> None:
        await listener.close()
        for number in range(QUEUE_MESSAGES_MAX + 500):
            peer.send(b"%d\n" % number)
        assert peer.dropped == 500
        await asyncio.sleep(0.6)  # several attempts fail meanwhile
        await listener.open()
        await until(lambda: len(listener.lines) == QUEUE_MESSAGES_MAX)
        assert listener.lines == list(range(500, QUEUE_MESSAGES_MAX + 500))

    play(story)


def test_a_broken_connection_is_made_anew() -> None:
    async def story(listener: Listener, peer: Peer) -> None:
        peer.send(b"1\n")
        await until(lambda: listener.lines == [1])
        await listener.close()
        await listener.open()
        peer.send(b"2\n")
        await until(lambda: listener.lines == [1, 2])
        assert listener.connections == 2

    play(story)


def test_bytes_are_bounded_too_when_the_other_side_stops_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "QUEUE_BYTES_MAX", 1_000_000)

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            peer = Peer("127.0.0.1", deaf.getsockname()[1])
            for _ in range(200):
                peer.send(b"x" * 100_000)
                await asyncio.sleep(0)
            assert peer.dropped > 50
            assert peer._queued_bytes <= 1_000_000
            peer.close()
            await asyncio.sleep(0.01)

    asyncio.run(main())


def test_unacknowledged_data_breaks_the_connection_within_a_second() -> None:
    async def story(listener: Listener, peer: Peer) -> None:
        peer.send(b"1\n")
        await until(lambda: listener.lines == [1])
        assert peer._transport is not None
        connected = peer._transport.get_extra_info("socket")
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNACKNOWLEDGED_MS_MAX

    play(story)
