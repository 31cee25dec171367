"""Workers: one persistent task per thread, which performs one operation after another.

A worker that runs into its deadline is retired, not mended: its task is cancelled and left to come to its end by
itself, and a new worker takes over the thread at once. So it does not matter whether a client heeds cancellation,
hangs in a system call, or answers an hour later: a retired worker's answers reach nobody.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

from harness.client import Client, Failed, Indeterminate, SyncClient
from harness.errors import HarnessError, Unsupported
from harness.interpreter.deadlines import Deadlines
from harness.interpreter.leftovers import Leftovers
from harness.operation import Operation, Type
from harness.threads import ThreadedClient

_OK, _FAIL, _INFO = Type.OK, Type.FAIL, Type.INFO

_NAME = "worker"

Perform = Callable[[Operation], Awaitable[Any]]
"""A nemesis, as the interpreter sees it: takes an invocation, returns the value of its completion (JSON)."""


def thread_of(task: asyncio.Task[Any] | None) -> int | None:
    """The thread that a task works for; None for a task that is no worker's."""
    kind, _, thread = task.get_name().partition(" ") if task is not None else ("", "", "")
    return int(thread) if kind == _NAME else None


class Desk(Protocol):
    """What workers see of the scheduler."""

    loop: asyncio.AbstractEventLoop
    leftovers: Leftovers

    def complete(self, worker: Worker, op: Operation, type: Type, value: Any, error: Any) -> None:
        """The worker's operation is over: into the history with it."""
        ...

    def surprised(self, what: str, error: BaseException) -> None:
        """A client raised something it should not have."""
        ...

    def nemesis_failed(self, op: Operation, error: BaseException) -> None:
        """A nemesis raised."""
        ...

    def fail(self, error: Exception) -> None:
        """The harness itself failed: the run must end."""
        ...


class Worker:
    """What all workers have in common: waiting for operations, and being retired."""

    __slots__ = ("_desk", "_parked", "deadlines", "name", "node", "op", "retired", "task", "thread")

    def __init__(self, desk: Desk, thread: int, node: str | None, deadlines: Deadlines[Worker]) -> None:
        self.thread = thread
        self.node = node
        self.deadlines = deadlines
        self.name = "nobody"
        """Whom it works with, for messages."""
        self.op: Operation | None = None
        """The invocation it is working on."""
        self.retired = False
        self._desk = desk
        self._parked: asyncio.Future[None] | None = None
        self.task = desk.loop.create_task(self._run(), name=f"{_NAME} {thread}")

    def begin(self, op: Operation) -> None:
        """Sets an idle worker to work."""
        self.op = op
        if self._parked is not None:
            self._parked.set_result(None)

    def retire(self) -> None:
        """Cancels it. Nothing it says from now on counts."""
        self.retired = True
        self.task.cancel()

    def successor(self) -> Worker:
        """A fresh worker for the same thread."""
        raise NotImplementedError

    def timed_out(self, after_ms: float) -> tuple[Type, Any]:
        """What is known of its operation at its deadline: a type and an error."""
        return _INFO, {"type": "timeout", "after_ms": after_ms}

    async def _run(self) -> None:
        try:
            while not self.retired:
                if self.op is None:
                    self._parked = self._desk.loop.create_future()
                    await self._parked
                await self._perform()
        except Exception as error:
            self._desk.fail(error)
        finally:
            self._leave()

    async def _perform(self) -> None:
        raise NotImplementedError

    def _leave(self) -> None:
        """Lets go of everything."""


class ClientWorker(Worker):
    """A logical client, bound to one node. Opens a client when there is something to do and none is open."""

    __slots__ = ("_client", "_make")

    def __init__(
        self,
        desk: Desk,
        thread: int,
        node: str,
        deadlines: Deadlines[Worker],
        make: Callable[[str], Client | SyncClient],
    ) -> None:
        super().__init__(desk, thread, node, deadlines)
        self._make = make
        self._client: Client | None = None

    def successor(self) -> ClientWorker:
        assert self.node is not None, "a client is bound to a node"
        return ClientWorker(self._desk, self.thread, self.node, self.deadlines, self._make)

    def timed_out(self, after_ms: float) -> tuple[Type, Any]:
        if self._client is None:  # still opening: nothing was sent
            return _FAIL, {"type": "no-client", "class": "TimeoutError", "message": f"not open after {after_ms} ms"}
        return _INFO, {"type": "timeout", "after_ms": after_ms}

    async def _perform(self) -> None:
        op = self.op
        assert op is not None, "only called with something to do"
        client = self._client or await self._open(op)
        if client is None:
            return
        try:
            answer = await client.invoke(op)
        except Failed as failure:
            type, value, error = _FAIL, op.value, failure.error
        except Indeterminate as doubt:
            type, value, error = _INFO, op.value, doubt.error
        except (Exception, asyncio.CancelledError) as surprise:
            if self.retired:
                raise
            self._desk.surprised(self.name, surprise)
            type, value, error = _INFO, op.value, describe("exception", surprise)
        else:
            if self.retired:
                return
            self._check(op, answer)
            _, _, value, _, type, _, _, error, _ = answer
        if self.retired:
            return
        if type is _INFO:  # the process is over, and its client with it
            self._leave()
        self.op = None
        self._desk.complete(self, op, type, value, error)

    async def _open(self, op: Operation) -> Client | None:
        """Opens a client for `op`; when that fails, so does `op`."""
        desk = self._desk
        try:
            raw = self._make(self.node or "")
            self.name = f"client {raw.__class__.__name__}"
            client = asynchronous(raw, name=f"client of {self.node}", loop=desk.loop)
            await client.open()
        except Unsupported:
            raise
        except (Exception, asyncio.CancelledError) as error:
            if self.retired:
                raise
            self.op = None
            desk.complete(self, op, _FAIL, op.value, describe("no-client", error))
            return None
        if self.retired:
            desk.leftovers.dispose(client, self.name)
            return None
        self._client = client
        return client

    def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._desk.leftovers.dispose(client, self.name)

    def _check(self, op: Operation, answer: Any) -> None:
        """The contract of `Client.invoke`, at the one place where it can be broken. A breach says nothing about the
        target."""
        kind = getattr(answer, "type", None)
        if answer.__class__ is not Operation:
            problem = "is not an Operation"
        elif answer.process != op.process or answer.f != op.f or answer.key != op.key:
            problem = "is of another process, f or key"
        elif kind.__class__ is not Type or kind is Type.INVOKE:
            problem = "is not completed"
        else:
            return
        raise HarnessError(
            f"{self.name} was given {op} and returned {answer!r}, which {problem}: "
            "return op.ok(value), or raise Failed or Indeterminate"
        )


class NemesisWorker(Worker):
    """The worker of one nemesis. Whatever becomes of its operations, they complete as `info`."""

    __slots__ = ("_work",)

    def __init__(self, desk: Desk, thread: int, deadlines: Deadlines[Worker], perform: Perform) -> None:
        super().__init__(desk, thread, None, deadlines)
        self.name = "nemesis"
        self._work = perform

    def successor(self) -> NemesisWorker:
        return NemesisWorker(self._desk, self.thread, self.deadlines, self._work)

    def timed_out(self, after_ms: float) -> tuple[Type, Any]:
        assert self.op is not None, "only an operation can time out"
        self._desk.nemesis_failed(self.op, TimeoutError(f"not done after {after_ms} ms"))
        return super().timed_out(after_ms)

    async def _perform(self) -> None:
        op = self.op
        assert op is not None, "only called with something to do"
        error = None
        try:
            value = await self._work(op)
        except (Exception, asyncio.CancelledError) as failure:
            if self.retired:
                raise
            self._desk.nemesis_failed(op, failure)
            value, error = op.value, describe("exception", failure)
        if not self.retired:
            self.op = None
            self._desk.complete(self, op, _INFO, value, error)


def asynchronous(client: Client | SyncClient, *, name: str, loop: asyncio.AbstractEventLoop) -> Client:
    """The client itself if it is asynchronous, else the client on a thread. Raises `Unsupported` for threads in
    virtual time."""
    if inspect.iscoroutinefunction(client.invoke):
        return cast("Client", client)
    from harness.clusters.sim.loop import VirtualLoop

    if isinstance(loop, VirtualLoop):
        raise Unsupported(
            f"client {client.__class__.__name__} blocks, and virtual time cannot wait for a thread: "
            "make it asynchronous, or use another cluster"
        )
    return ThreadedClient(cast("SyncClient", client), name)


def describe(type: str, error: BaseException) -> dict[str, str]:
    """An exception as a JSON error."""
    return {"type": type, "class": error.__class__.__name__, "message": str(error)}
