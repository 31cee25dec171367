"""A client's connection to a simulated node: a short link of its own each way, which no fault between nodes touches.

It breaks when the node is killed, and dials again with the next request. A request that never left because nobody
listens raises `ConnectionRefusedError`, so a client can tell it from one whose connection broke
(`ConnectionResetError`), of which nobody knows.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from harness.clusters.sim.bodies import copy_body
from harness.clusters.sim.machine import STOPPED, Machine, Process
from harness.node import RpcError


class SimConnection:
    """Implements `harness.clusters.base.Connection`. `name` is the client's address, as in `src`."""

    def __init__(self, machine: Machine, name: str, *, latency_ns: tuple[int, int], stream: random.Random) -> None:
        self.name = name
        self._machine = machine
        self._root = machine.root
        self._draw = stream.getrandbits
        self._min_ns, self._max_ns = latency_ns
        self._process: Process | None = None
        self._replies: dict[int, asyncio.Future[dict[str, Any] | None]] = {}
        self._last_id = 0
        self._request_ns = self._reply_ns = 0
        self._closed = False

    async def dial(self) -> None:
        """Connects, in one round trip. Raises `ConnectionRefusedError` at once when the node is down."""
        self._attach()
        arrived = self._root.create_future()
        self._root.post(self._root.now_ns + self._latency_ns() + self._latency_ns(), _arrive, arrived, {})
        await arrived

    async def call(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one request and waits for its reply, for as long as it takes."""
        if self._closed:
            raise ConnectionRefusedError("this connection was closed")
        if self._process is None:
            self._attach()
        self._last_id = msg_id = self._last_id + 1
        future: asyncio.Future[dict[str, Any] | None] = self._root.create_future()
        self._replies[msg_id] = future
        request = copy_body({**body, "msg_id": msg_id})
        self._request_ns = max(self._request_ns, self._root.now_ns + self._latency_ns())
        self._root.post(self._request_ns, self._request, self._process, request)
        try:
            reply = await future
        finally:
            self._replies.pop(msg_id, None)
        if reply is None:
            raise ConnectionResetError(f"{self._machine.name} closed the connection")
        if reply.get("type") == "error":
            raise RpcError.from_body(reply)
        return reply

    async def close(self) -> None:
        """Hangs up; calls under way get a `ConnectionResetError`."""
        self._closed = True
        self._machine.connections.pop(self.name, None)
        self.reset()

    def reset(self) -> None:
        """The node's end went away."""
        self._process = None
        for future in self._replies.values():
            if not future.done():
                future.set_result(None)

    def answer(self, body: dict[str, Any]) -> None:
        """The node replies; called by its host."""
        self._reply_ns = max(self._reply_ns, self._root.now_ns + self._latency_ns())
        self._root.post(self._reply_ns, self._reply, copy_body(body))

    def _attach(self) -> None:
        if self._machine.state == STOPPED:
            raise ConnectionRefusedError(f"{self._machine.name} refuses connections")
        self._process = self._machine.process
        self._machine.connections[self.name] = self

    def _request(self, process: Process, body: dict[str, Any]) -> None:
        if process is self._process:
            process.deliver(self.name, body)

    def _reply(self, body: dict[str, Any]) -> None:
        number = body.get("in_reply_to", 0)
        if type(number) is not int or type(body.get("type")) is not str:
            self.reset()  # no message at all: on a real wire, too, whoever sends such is not listened to any longer
            return
        future = self._replies.get(number)
        if future is not None:
            _arrive(future, body)

    def _latency_ns(self) -> int:
        return self._min_ns + ((self._max_ns - self._min_ns) * self._draw(16) >> 16)


def _arrive(future: asyncio.Future[dict[str, Any] | None], body: dict[str, Any]) -> None:
    if not future.done():
        future.set_result(body)
