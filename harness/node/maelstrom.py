"""A node under Maelstrom: messages are lines on standard input and output, and the first one, `init`, says who we are.

Protocol: https://github.com/jepsen-io/maelstrom/blob/main/doc/protocol.md
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.node.clock import SystemClock
from harness.node.disk import FolderDisk
from harness.node.errors import MALFORMED_REQUEST, TEMPORARILY_UNAVAILABLE, RpcError
from harness.node.host import Body, TimerHandle
from harness.node.node import Node
from harness.node.tcp import log
from harness.node.wire import LINE_BYTES_MAX, Malformed, Message, decode, encode

T = TypeVar("T")


class StdioHost:
    """Implements `harness.node.host.Host`: everything sent goes to standard output, Maelstrom routes it."""

    def __init__(self, name: str, nodes: tuple[str, ...], data: Path) -> None:
        self.name = name
        self.nodes = nodes
        self.clock = SystemClock()
        self.disk = FolderDisk(data)
        self.random = random.Random()

    def send(self, dest: str, body: Body) -> None:
        _write(encode(self.name, dest, body))

    def call_later(self, seconds: float, callback: Callable[[], object]) -> TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, callback)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return asyncio.get_running_loop().create_task(coroutine)

    def log(self, text: str) -> None:
        log(text)


async def serve(node_class: Callable[..., Node], options: Mapping[str, Any], *, data: Path | None) -> int:
    """Runs a node until standard input ends; returns the process's exit code. Without `data` its files go with it."""
    with tempfile.TemporaryDirectory(prefix="node-") as temporary:
        return await _serve(node_class, options, data or Path(temporary))


async def _serve(node_class: Callable[..., Node], options: Mapping[str, Any], data: Path) -> int:
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    node: Node | None = None
    booting: asyncio.Task[None] | None = None
    try:
        while line := await reader.readline():
            try:
                message = decode(line)
                if message.body["type"] == "init" and node is None:
                    node = node_class(_host(message, data), **options)
                    booting = asyncio.create_task(_boot(node, message, reader))
                    continue
            except Malformed as error:
                _refuse("?", {}, RpcError(MALFORMED_REQUEST, str(error)))
                continue
            if node is None:
                _refuse(message.source, message.body, RpcError(TEMPORARILY_UNAVAILABLE, "init has not come yet"))
            else:
                node.receive(message.source, message.body)
        if booting is not None:
            booting.cancel()
            await asyncio.wait([booting])
            return int(not booting.cancelled() and booting.exception() is not None)
    except Exception as error:
        log("".join(traceback.format_exception(error)).rstrip())
        return 1
    return 0


async def _boot(node: Node, init: Message, reader: asyncio.StreamReader) -> None:
    try:
        await node.boot()
    except Exception as error:
        log("".join(traceback.format_exception(error)).rstrip())
        reader.feed_eof()  # nothing that still comes could be served
        raise
    node.reply(init.source, init.body, {"type": "init_ok"})


def _host(init: Message, data: Path) -> StdioHost:
    name, nodes = init.body.get("node_id"), init.body.get("node_ids")
    if not isinstance(name, str) or not isinstance(nodes, list):
        raise Malformed("init needs node_id, a string, and node_ids, a list")
    return StdioHost(name, tuple(map(str, nodes)), data)


def _refuse(dest: str, request: Body, error: RpcError) -> None:
    body = error.to_body()
    if request.get("msg_id") is not None:
        body["in_reply_to"] = request["msg_id"]
    _write(encode("?", dest, body))


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
