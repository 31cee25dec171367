"""The controller's side: an agent to call, as if what it does were done here."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any

from harness.clusters.linux.agent.protocol import Channel, pack, unpack, unpack_error
from harness.clusters.linux.agent.server import LEASE_S
from harness.errors import ClusterError
from harness.faults import Evidence

PINGS_PER_LEASE = 6

PATIENCE_S = 20.0
"""How long the end of what was cancelled is waited for. Longer than a service may take to start: beyond it, the agent
has hung, or was stopped, and only its own end can help."""

_GONE = "the nodes' agent is gone: it was killed, or the way to it is broken"


class Agent:
    """An agent, from afar. `attach` it to a channel within the loop that is to use it; until then, and after its end,
    calls raise `ClusterError`."""

    def __init__(self, *, lease_s: float = LEASE_S) -> None:
        self._lease_s = lease_s
        self._channel: Channel | None = None
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def attach(self, channel: Channel) -> None:
        """Begins to listen, and to renew the lease."""
        self._channel = channel
        self._tasks = [asyncio.create_task(self._listen(channel)), asyncio.create_task(self._renew(channel))]

    async def call(self, do: str, *arguments: Any, **keywords: Any) -> Any:
        """Has something done (`network.cut`) and returns what came of it; raises what was raised over there.

        Who is cancelled here learns it when the agent has come to the end of what it was doing: as with the capability
        objects themselves, nothing goes on behind the back of whoever acts next."""
        channel = self._channel
        if channel is None:
            raise ClusterError(_GONE)
        number = next(self._ids)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "do": do, "with": pack(arguments), "named": pack(keywords)}
        cancelled: asyncio.CancelledError | None = None
        try:
            with suppress(ConnectionError):  # the listener finds out too, and says so to everybody who waits
                await channel.send(request)
            while not waiting.done():
                try:
                    _, pending = await asyncio.wait([waiting], timeout=None if cancelled is None else PATIENCE_S)
                    if pending:
                        break
                except asyncio.CancelledError as request_to_stop:
                    if cancelled is None:
                        with suppress(ConnectionError):
                            await channel.send({"cancel": number})
                    cancelled = request_to_stop
        finally:
            self._waiting.pop(number, None)
        if cancelled is not None:
            if waiting.done():
                _discard(waiting)
            raise cancelled
        return waiting.result()

    async def evidence(self, do: str, *arguments: Any, **keywords: Any) -> Mapping[str, Evidence]:
        """`call`, of what gives evidence per node."""
        found: Mapping[str, Evidence] = await self.call(do, *arguments, **keywords)
        return found

    async def ended(self) -> None:
        """Returns once the agent it is attached to is gone."""
        if self._tasks:
            await asyncio.wait(self._tasks[:1])

    def close(self) -> None:
        """Hangs up: the agent ends. Idempotent."""
        channel, self._channel = self._channel, None
        for task in self._tasks:
            with suppress(RuntimeError):  # its loop has ended, and the task with it
                task.cancel()
        if channel is not None:
            channel.close()
        self._fail_all()

    async def _listen(self, channel: Channel) -> None:
        try:
            while (received := await channel.receive()) is not None:
                self._take(*received)
        finally:
            self._channel = None
            channel.close()
            self._fail_all()

    def _take(self, message: Mapping[str, Any], descriptors: list[int]) -> None:
        waiting = self._waiting.get(message.get("id", 0))
        result = socket.socket(fileno=descriptors.pop()) if descriptors else None
        for stray in descriptors:
            os.close(stray)
        if waiting is None or waiting.done():
            if result is not None:
                result.close()
        elif "error" in message:
            waiting.set_exception(unpack_error(message["error"]))
        elif result is not None:
            waiting.set_result(result)
        else:
            try:
                waiting.set_result(unpack(message.get("ok")))
            except (ValueError, TypeError, KeyError) as problem:
                waiting.set_exception(ClusterError(f"the nodes' agent answers what makes no sense: {problem}"))

    async def _renew(self, channel: Channel) -> None:
        with suppress(ConnectionError):
            while True:
                await asyncio.sleep(self._lease_s / PINGS_PER_LEASE)
                await channel.send({"do": "ping"})

    def _fail_all(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done() and not waiting.get_loop().is_closed():
                waiting.set_exception(ClusterError(_GONE))


def _discard(waiting: asyncio.Future[Any]) -> None:
    """Nobody wants this any more."""
    if waiting.exception() is None and isinstance(waiting.result(), socket.socket):
        waiting.result().close()
