"""The node: the class that bundled stores extend. One instance is one incarnation of the service.

    class Echo(Node):
        async def on_echo(self, source, body):
            return {"type": "echo_ok", "echo": body["echo"]}

Nothing here knows whether time is real. Each request is served in a task of its own, so handlers may await whatever
asyncio offers; everything else (sockets, threads, `time.time()`, the `random` module) would escape the simulator and is
left to the host.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from harness.node.errors import CRASH, MALFORMED_REQUEST, NOT_SUPPORTED, RpcError
from harness.node.host import Body, Host, TimerHandle

T = TypeVar("T")

TRACEBACK_FRAMES = 30
"""The innermost calls that a traceback in a log shows: a recursion without end has a thousand, for every request."""

EARLY_REQUESTS_MAX = 1000
"""Requests kept while `start` is still running; later ones push out the oldest."""


class Node:
    """Subclass it, define `on_<type>(source, body)` for each request type, and call `super().__init__(host)` first.

    A handler returns the reply's body, or None for no reply (or a later one, by `reply`), and raises `RpcError` to
    refuse. Any other exception is logged with its traceback and answered with error 13, "crash", which clients must
    take for "nobody knows"; the node lives on. Handlers that never await may be plain methods, which spares a task.
    Options of the target arrive as keyword arguments.
    """

    def __init__(self, host: Host) -> None:
        self.name = host.name
        self.nodes = host.nodes
        self.peers = tuple(name for name in host.nodes if name != host.name)
        self.clock = host.clock
        self.disk = host.disk
        self.random = host.random
        self.send: Callable[[str, Body], None] = host.send
        """`send(dest, body)`: fire and forget; the body may be changed or sent again afterwards."""
        self._host = host
        self._handlers: dict[str, Callable[[str, Body], Any]] = {}
        self._overridden = type(self).on_message is not Node.on_message
        # A reply to a question of an earlier incarnation must not answer one of this: ids start at a random place.
        self._last_id = host.random.getrandbits(32) << 16
        self._replies: dict[int, asyncio.Future[Body | None]] = {}
        self._early: deque[tuple[str, Body]] | None = deque(maxlen=EARLY_REQUESTS_MAX)
        # asyncio holds its tasks weakly; these two hold them until they are done.
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._spawned: set[asyncio.Task[Any]] = set()

    # To override ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Recovers from disk and starts timers. Requests wait until it returns; replies to `rpc` do not."""

    async def on_message(self, source: str, body: Body) -> None:
        """Serves one request; by default with the method `on_<type>`."""
        reply = self._handler(body)(source, body)
        if reply is not None and not isinstance(reply, dict):
            reply = await reply
        if reply is not None:
            self.reply(source, body, reply)

    def on_node_status(self, source: str, body: Body) -> Body:
        """Says that the node serves requests, and what its clocks show; every store answers this one."""
        return {
            "type": "node_status_ok",
            "name": self.name,
            "wall": self.clock.wall(),
            "monotonic": self.clock.monotonic(),
        }

    # To use -----------------------------------------------------------------------------------------------------------

    def reply(self, source: str, request: Body, body: Body) -> None:
        """Answers a request, now or later. A request without `msg_id` wants no answer and gets none."""
        msg_id = request.get("msg_id")
        if msg_id is not None:
            self.send(source, {**body, "in_reply_to": msg_id})

    async def rpc(self, dest: str, body: Body, timeout_s: float) -> Body:
        """Asks another node. Raises `TimeoutError` when no answer came in time, `RpcError` when the answer is an
        error."""
        self._last_id = msg_id = self._last_id + 1
        # A future that fails and is never awaited would be reported as a bug, so it only ever gets a result: None is
        # the time-out.
        future: asyncio.Future[Body | None] = asyncio.get_running_loop().create_future()
        self._replies[msg_id] = future
        timer = self._host.call_later(timeout_s, lambda: _expire(future))
        self.send(dest, {**body, "msg_id": msg_id})
        try:
            reply = await future
        finally:
            timer.cancel()
            self._replies.pop(msg_id, None)
        if reply is None:
            raise TimeoutError(f"{dest} did not answer {body.get('type')!r} within {timeout_s} s")
        if reply.get("type") == "error":
            raise RpcError.from_body(reply)
        return reply

    def after(self, seconds: float, callback: Callable[[], object]) -> TimerHandle:
        """Calls back once, that much monotonic time from now, unless cancelled. An exception is logged and goes no
        further."""
        return self._host.call_later(seconds, callback)

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs a coroutine beside everything else. An exception it ends with is logged and goes no further."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._spawned.add(task)
        task.add_done_callback(self._spawn_done)
        return task

    def log(self, text: str) -> None:
        """Adds a line to this node's log."""
        self._host.log(text)

    # For the host -----------------------------------------------------------------------------------------------------

    async def boot(self) -> None:
        """Starts the node, then lets in the requests that came too early."""
        await self.start()
        early, self._early = self._early or (), None
        for source, body in early:
            asyncio.get_running_loop().call_soon(self.receive, source, body)

    def receive(self, source: str, body: Body) -> None:
        """Takes one message from the network. `in_reply_to` must be hashable, if present."""
        in_reply_to = body.get("in_reply_to")
        if in_reply_to is not None:
            future = self._replies.pop(in_reply_to, None)
            if future is not None and not future.done():
                future.set_result(body)
            return
        if self._early is not None:
            self._early.append((source, body))
            return
        try:
            reply = self.on_message(source, body) if self._overridden else self._handler(body)(source, body)
            if isinstance(reply, dict):
                self.reply(source, body, reply)
                return
        except Exception as error:
            self.reply(source, body, self._failure(error))
            return
        if reply is not None:
            self._last_id = serial = self._last_id + 1
            task = self._host.run(self._serve(serial, source, body, reply))
            if not task.done():
                self._serving[serial] = task

    async def _serve(self, serial: int, source: str, body: Body, answer: Awaitable[Body | None]) -> None:
        try:
            reply = await answer
            if reply is not None:
                self.reply(source, body, reply)
        except Exception as error:
            self.reply(source, body, self._failure(error))
        finally:
            self._serving.pop(serial, None)

    def _handler(self, body: Body) -> Callable[[str, Body], Any]:
        kind = body.get("type")
        if not isinstance(kind, str):
            raise RpcError(MALFORMED_REQUEST, "a body needs a type, which is a string")
        handler = self._handlers.get(kind)
        if handler is None:
            handler = getattr(self, "on_" + kind, None)
            if handler is None or kind == "message":
                raise RpcError(NOT_SUPPORTED, f"no such request: {kind}")
            self._handlers[kind] = handler
        return handler

    def _failure(self, error: Exception) -> Body:
        if isinstance(error, RpcError):
            return error.to_body()
        self.log(_traceback(error))
        return RpcError(CRASH, f"{type(error).__name__}: {error}").to_body()

    def _spawn_done(self, task: asyncio.Task[Any]) -> None:
        self._spawned.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log(_traceback(error))


def _traceback(error: BaseException) -> str:
    calls: deque[TracebackType] = deque(maxlen=TRACEBACK_FRAMES)
    call = error.__traceback__
    while call is not None:
        calls.append(call)
        call = call.tb_next
    return "".join(traceback.format_exception(type(error), error, calls[0] if calls else None)).rstrip()


def _expire(reply: asyncio.Future[Body | None]) -> None:
    if not reply.done():
        reply.set_result(None)
