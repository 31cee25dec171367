"""A node on the real network: everyone connects to its one port and speaks in JSON lines (`harness.node.wire`).

Other nodes deliver their messages, and get answers over this node's own connections to them. Clients, which is
everybody whose name is not a node's, get theirs on the connection they asked on. A line that is no message is answered
with error 12.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.node.clock import SystemClock
from harness.node.disk import FolderDisk
from harness.node.errors import MALFORMED_REQUEST, NODE_NOT_FOUND, RpcError
from harness.node.host import Body, TimerHandle
from harness.node.node import Node
from harness.node.peer import Peer
from harness.node.wire import Lines, Malformed, Message, decode, encode

T = TypeVar("T")

Address = tuple[str, int]

CLIENTS_PER_CONNECTION_MAX = 1024

UNREAD_BYTES_MAX = 32 * 1024 * 1024
"""Replies a client may leave unread until its connection is cut."""

KEEPALIVE = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}
"""Connections whose other end vanished without a word are noticed within 25 s."""


def log(text: str) -> None:
    """The log of a real node: standard error, under the node's own wall clock."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    sys.stderr.write(f"{stamp}.{int(now * 1000) % 1000:03}Z {text}\n")
    sys.stderr.flush()


class TcpHost:
    """Implements `harness.node.host.Host`. `peers` are the addresses of the other nodes; `nodes` come in the order of
    the names."""

    def __init__(self, name: str, peers: Mapping[str, Address], data: Path) -> None:
        self.name = name
        self.nodes = tuple(sorted({name, *peers}, key=_by_number))
        self.clock = SystemClock()
        self.disk = FolderDisk(data)
        self.random = random.Random()
        self.node: Node | None = None
        self.clients: dict[str, Inbound] = {}
        self._peers = {peer: Peer(*address) for peer, address in peers.items() if peer != name}
        self._server: asyncio.Server | None = None

    # The node's side

    def send(self, dest: str, body: Body) -> None:
        line = encode(self.name, dest, body)
        if dest in self._peers:
            self._peers[dest].send(line)
        elif dest == self.name:
            asyncio.get_running_loop().call_soon(self.receive, decode(line))
        elif dest in self.clients:
            self.clients[dest].write(line)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, callback)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return asyncio.get_running_loop().create_task(coroutine)

    def log(self, text: str) -> None:
        log(text)

    # The network's side

    async def listen(self, host: str, port: int) -> Address:
        """Opens the port (0: any); returns the address. Raises OSError when it is taken."""
        self._server = await asyncio.get_running_loop().create_server(lambda: Inbound(self), host, port)
        address: Address = self._server.sockets[0].getsockname()[:2]
        return address

    def receive(self, message: Message) -> None:
        """Hands a message to the node. What goes wrong there is in its log and costs nobody a connection."""
        if self.node is not None:
            try:
                self.node.receive(message.source, message.body)
            except Exception as error:
                log("".join(traceback.format_exception(error)).rstrip())

    async def close(self) -> None:
        """Lets go of the network and the disk."""
        if self._server is not None:
            self._server.close()
        for peer in self._peers.values():
            peer.close()
        for client in set(self.clients.values()):
            client.abort()
        self.disk.close()


class Inbound(asyncio.Protocol):
    """One connection that somebody else made."""

    def __init__(self, host: TcpHost) -> None:
        self._host = host
        self._lines = Lines()
        self._names: set[str] = set()
        self._transport: asyncio.Transport | None = None

    def write(self, line: bytes) -> None:
        """Sends a line to whoever is there."""
        if self._transport is not None:
            self._transport.write(line)
            if self._transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
                self._host.log(f"a client of {sorted(self._names)} reads too slowly and is cut off")
                self._transport.abort()

    def abort(self) -> None:
        """Cuts the connection."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            connected.setsockopt(socket.IPPROTO_TCP, option, value)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        for name in self._names:
            if self._host.clients.get(name) is self:
                del self._host.clients[name]

    def data_received(self, data: bytes) -> None:
        try:
            lines = self._lines.feed(data)
        except Malformed as error:
            self._answer("?", {}, RpcError(MALFORMED_REQUEST, str(error)))
            if self._transport is not None:
                self._transport.close()
            return
        for line in lines:
            try:
                message = decode(line)
            except Malformed as error:
                self._answer("?", {}, RpcError(MALFORMED_REQUEST, str(error)))
            else:
                self._take(message)

    def _take(self, message: Message) -> None:
        host = self._host
        if message.dest != host.name:
            self._answer(message.source, message.body, RpcError(NODE_NOT_FOUND, f"this is {host.name}"))
            return
        if message.source not in host.nodes:
            if len(self._names) >= CLIENTS_PER_CONNECTION_MAX and message.source not in self._names:
                self._answer(
                    message.source, message.body, RpcError(MALFORMED_REQUEST, "too many clients on one connection")
                )
                return
            self._names.add(message.source)
            host.clients[message.source] = self
        host.receive(message)

    def _answer(self, dest: str, request: Body, error: RpcError) -> None:
        body = error.to_body()
        if request.get("msg_id") is not None:
            body["in_reply_to"] = request["msg_id"]
        self.write(encode(self._host.name, dest, body))


async def serve(
    node_class: Callable[..., Node],
    options: Mapping[str, Any],
    *,
    name: str,
    listen: Address,
    peers: Mapping[str, Address],
    data: Path,
    stop: asyncio.Event,
) -> int:
    """Runs a node until `stop` is set; returns the process's exit code: 0, or 1 when the node could not start."""
    host = TcpHost(name, peers, data)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: host.log(_describe(context)))
    try:
        address = await host.listen(*listen)
        host.node = node_class(host, **options)
        await host.node.boot()
    except Exception as error:
        host.log("".join(traceback.format_exception(error)).rstrip())
        host.log(f"the node crashed at start: {type(error).__name__}: {error}")
        return 1
    else:
        host.log(f"{name} serves on {address[0]}:{address[1]}")
        await stop.wait()
        host.log(f"{name} stops")
        return 0
    finally:
        await host.close()


def _by_number(name: str) -> tuple[int, str]:
    # n10 comes after n9
    return len(name), name


def _describe(context: Mapping[str, Any]) -> str:
    error = context.get("exception")
    text = str(context.get("message", "unhandled exception"))
    return text if error is None else text + "\n" + "".join(traceback.format_exception(error)).rstrip()
