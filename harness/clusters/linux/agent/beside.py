"""An agent beside a node: on its machine, or in a container that shares its namespaces, spoken to through its standard
input and output.

The first message is an order: an object that says what the agent is to be, as whoever starts it and `assemble` agreed.
It is answered by `{"powers": {capability: reason or null}}`, or by the error. Then requests are served; at the end of
the stream, or of the lease, all is put back.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from harness.clusters.linux.agent.protocol import pack_error
from harness.clusters.linux.agent.server import LEASE_S, Server
from harness.clusters.linux.agent.streams import PipeStream, StreamChannel

THREADS = 16


@dataclass(frozen=True, slots=True)
class Assembled:
    """What an agent works with: `capabilities` by the names of `protocol.METHODS`, `powers` as a cluster's `probe`.
    `close` ends what only this process holds, once everything is put back."""

    capabilities: Mapping[str, Any]
    powers: Mapping[str, str | None]
    close: Callable[[], None] = lambda: None


Assemble = Callable[[Mapping[str, Any]], Awaitable[Assembled]]


def run(assemble: Assemble) -> int:
    """Serves whoever is at standard input and output, and returns the exit code. Nothing else that is written to
    standard output gets there."""
    read, write = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return asyncio.run(_run(assemble, read, write))


async def _run(assemble: Assemble, read: int, write: int) -> int:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=THREADS))
    channel = StreamChannel(await PipeStream.open(read, write))
    received = await channel.receive()
    if received is None:
        return 1
    order, _ = received
    try:
        made = await assemble(order)
    except Exception as problem:
        await channel.send({"error": pack_error(problem)})
        channel.close()
        return 1
    server = Server(channel, made.capabilities, lease_s=float(order.get("lease_s", LEASE_S)))
    try:
        await channel.send({"powers": dict(made.powers)})
        why = await server.serve()
        print(f"ending: {why}", file=sys.stderr, flush=True)  # noqa: T201 - the agent's log
    finally:
        await server.put_back()
        made.close()
    return 0
