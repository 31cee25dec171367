"""Clients and a journal for tests of the interpreter, and `play`, which runs it on a plain asyncio loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from harness._core import Recorder
from harness.generators import Liftable
from harness.history import History
from harness.interpreter import Tally, interpret
from harness.operation import Operation, Type

MS = 1_000_000


class Notebook:
    """A recorder that also keeps the events as operations, for tests to look at while they are made."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.events: list[Operation] = []
        self._open: set[int] = set()

    def invoke(self, time: int, process: int, f: str, key: Any, value: Any, node: str | None) -> int:
        index = self.recorder.invoke(time, process, f, key, value, node)
        assert index == len(self.events)
        self.events.append(Operation(f, key, value, process, Type.INVOKE, time, node, None, index))
        self._open.add(index)
        return index

    def complete(self, invocation: int, time: int, type: int, value: Any, error: Any) -> int:
        index = self.recorder.complete(invocation, time, type, value, error)
        assert index == len(self.events)
        self._open.remove(invocation)
        begun = self.events[invocation]
        self.events.append(begun._replace(type=Type(type), time=time, value=value, error=error, index=index))
        return index

    @property
    def open(self) -> int:
        """How many operations have no completion."""
        return len(self._open)


class Fake:
    """A client whose `invoke` is a function of the client and the operation. `log` notes what is opened and closed."""

    def __init__(self, node: str, invoke: Callable[[Fake, Operation], Awaitable[Operation]], log: list[str]) -> None:
        self.node = node
        self._invoke = invoke
        self._log = log
        self.state = "new"

    async def open(self) -> None:
        assert self.state == "new"
        self.state = "open"
        self._log.append(f"open {self.node}")

    async def invoke(self, op: Operation) -> Operation:
        assert self.state == "open"
        return await self._invoke(self, op)

    async def close(self) -> None:
        assert self.state == "open"
        self.state = "closed"
        self._log.append(f"close {self.node}")


class Stage:
    """What a played schedule leaves behind."""

    def __init__(self, timeout_ms: int = 30_000) -> None:
        self.timeout_ms = timeout_ms
        self.notebook = Notebook()
        self.log: list[str] = []
        self.tally = Tally()
        self.seconds = 0.0

    @property
    def events(self) -> list[Operation]:
        return self.notebook.events

    @property
    def summary(self) -> list[tuple[int | None, str, str]]:
        """Process, type and f of every event."""
        return [(event.process, event.type.label, event.f) for event in self.events]

    def opened(self) -> int:
        return sum(line.startswith("open") for line in self.log)

    def closed(self) -> int:
        return sum(line.startswith("close") for line in self.log)

    def clients(self, invoke: Callable[[Fake, Operation], Awaitable[Operation]]) -> Callable[[str], Fake]:
        return lambda node: Fake(node, invoke, self.log)

    async def interpret(self, generator: Liftable, invoke: Any = None, **options: Any) -> Tally:
        """`interpret` with this stage's journal, and clients that call `invoke` unless others are given."""
        options.setdefault("clients", self.clients(invoke or succeed))
        options.setdefault("recorder", self.notebook)
        options.setdefault("nodes", ["n1", "n2", "n3"])
        options.setdefault("concurrency", 3)
        options.setdefault("timeout_ns", self.timeout_ms * MS)
        options.setdefault("close_timeout_ns", 100 * MS)
        options.setdefault("now", time.monotonic_ns)
        options.setdefault("random", Random(7))
        return await interpret(generator, tally=self.tally, **options)


async def succeed(client: Fake, op: Operation) -> Operation:
    """Does nothing, well."""
    return op.ok(op.value)


async def nap(client: Fake, op: Operation) -> Operation:
    """Takes a millisecond."""
    await asyncio.sleep(0.001)
    return op.ok(op.value)


def play(generator: Liftable, invoke: Any = None, *, timeout_ms: int = 30_000, **options: Any) -> Stage:
    """Interprets on a fresh asyncio loop."""
    stage = Stage(timeout_ms)
    begun = time.monotonic()
    asyncio.run(stage.interpret(generator, invoke, **options))
    stage.seconds = time.monotonic() - begun
    check(stage)
    return stage


def check(stage: Stage) -> None:
    """What holds after every interpretation: each client closed, and a history that obeys the rules of histories."""
    assert stage.opened() == stage.closed(), stage.log
    history = History(stage.notebook.recorder.history())
    assert history.problems() == [] and list(history) == stage.events
    counted = [sum(event.type is type for event in stage.events) for type in Type]
    assert stage.tally.events == counted
