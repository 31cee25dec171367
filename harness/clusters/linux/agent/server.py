"""The agent's side: takes requests to the capability objects it holds, and ends when nobody is there to make any.

A controller can be killed, and its machine or its network can go, at any moment. So an agent lives on a lease: when its
channel ends, or nothing has come through it for the lease, it undoes what it did and stops what it started.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from harness.clusters.linux.agent.protocol import METHODS, Channel, pack, pack_error, unpack
from harness.clusters.linux.agent.undo import Undo
from harness.errors import Unsupported, UsageError

LEASE_S = 60.0
PATIENCE_S = 10.0
"""How long requests under way at the end are waited for, once they are cancelled, before undoing begins."""


class Server:
    """Serves one controller. `capabilities` by the names of `METHODS`; what an agent lacks is not there, or None."""

    def __init__(self, channel: Channel, capabilities: Mapping[str, Any], *, lease_s: float = LEASE_S) -> None:
        self._channel = channel
        self._capabilities = capabilities
        self._lease_s = lease_s
        self._running: dict[int, asyncio.Task[None]] = {}
        self._undo = Undo(capabilities)

    async def serve(self) -> str:
        """Returns why it ended. What was done is still done; see `put_back`."""
        try:
            return await self._until_the_end()
        finally:
            for task in self._running.values():
                task.cancel()

    async def put_back(self) -> None:
        """Undoes what was done and hangs up, which a controller that is still there may wait for."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=PATIENCE_S)
        await self._undo.everything()
        self._channel.close()

    async def _until_the_end(self) -> str:
        while True:
            try:
                async with asyncio.timeout(self._lease_s):
                    received = await self._channel.receive()
            except TimeoutError:
                return f"nothing was heard of the controller for {self._lease_s:g} s"
            if received is None:
                return "the controller is gone"
            message, _ = received
            if "cancel" in message:
                if task := self._running.get(message["cancel"]):
                    task.cancel()
            elif message.get("do") == "stop":
                return "the controller said so"
            elif message.get("do") != "ping" and isinstance(message.get("id"), int):
                self._running[message["id"]] = asyncio.create_task(self._answer(message))

    async def _answer(self, message: Mapping[str, Any]) -> None:
        descriptors: list[socket.socket] = []
        reply: dict[str, Any] = {"id": message["id"]}
        try:
            result = await self._perform(
                str(message.get("do")), unpack(message.get("with", [])), unpack(message.get("named", {}))
            )
            if isinstance(result, socket.socket):
                descriptors.append(result)
            else:
                reply["ok"] = pack(result)
        except (Exception, asyncio.CancelledError) as error:
            # A cancellation is answered like any other end: whoever asked for it waits for the answer.
            reply["error"] = pack_error(error)
        with suppress(ConnectionError, asyncio.CancelledError):
            await self._channel.send(reply, [made.fileno() for made in descriptors])
        for made in descriptors:
            made.close()
        self._running.pop(message["id"], None)

    async def _perform(self, do: str, arguments: list[Any], named: dict[str, Any]) -> Any:
        name, _, method = do.partition(".")
        if method not in METHODS.get(name, ()):
            raise UsageError(f"an agent does not know how to do {do!r}")
        capability = self._capabilities.get(name)
        if capability is None:
            raise Unsupported(f"the nodes' agent has no {name} to work on")
        self._undo.note(name, method, arguments)
        act: Callable[..., Awaitable[Any]] = getattr(capability, method)
        return await act(*arguments, **named)
