"""Append-only logs: producers send messages to logs, consumers poll what is new.

Every message is sent once in the whole run. A send is told the offset that its message got; a poll returns, for each
log that the consumer was assigned, what lies behind what it has polled before, with offsets. So it can be told whether
messages were lost, doubled, moved or skipped (`checkers.log`). Every process is assigned all logs before it does
anything else, and in the end polls until it was answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness.generators import Context, Generator, concat, each_thread, stagger
from harness.generators.context import pick
from harness.generators.protocol import PENDING, Answer, node
from harness.generators.table import Table
from harness.operation import Operation, Type
from harness.options import integer, number, weights
from workloads.connected import Connected
from workloads.ending import tried
from workloads.register import RATE_MAX

FUNCTIONS = ("send", "poll")

KEYS_MAX = 500
"""A poll asks for all in one transaction."""


class Log:
    """The workload: `send` of `[["send", key, message]]`, completed as `[["send", key, [offset, message]]]`; `poll` of
    `[["poll"]]`, completed as `[["poll", {key: [[offset, message], ...]}]]`; and `assign` of the list of keys.

    `keys` is the number of logs, `rate` that of operations per second over all workers; `mix` gives shares to `send`
    and `poll`.
    """

    name: ClassVar[str] = "log"
    model: ClassVar[str] = "log"
    expectations: ClassVar[Sequence[str]] = ("log", "availability", "recovers")

    def __init__(
        self, *, keys: int = 5, rate: float = 50, mix: Mapping[str, int] | None = None, concurrency: int = 10
    ) -> None:
        self.keys = integer(self.name, "keys", keys, min=1, max=KEYS_MAX)
        self.rate = number(self.name, "rate", rate, min=0.001, max=RATE_MAX)
        self.mix = weights(self.name, "mix", mix or {"send": 1, "poll": 1}, FUNCTIONS)
        self.concurrency = integer(self.name, "concurrency", concurrency, min=1, max=1_000_000)

    def generator(self) -> Generator:
        """The load, for client threads only, without end."""
        sends = self.mix["send"] / sum(self.mix.values())
        nobody: Table[int | None] = Table.of([None] * self.concurrency)
        return stagger(1 / self.rate, Load(self.keys, sends, 1, nobody))

    def final(self) -> Generator:
        """Every worker polls all that is new to it."""
        return each_thread(concat(tried(_assign(self.keys)), tried(_poll())))

    def checker_options(self, expectation: str) -> Mapping[str, Any]:
        """Nothing."""
        return {}


def _assign(keys: int) -> Operation:
    return Operation("assign", None, list(range(keys)))


def _poll() -> Operation:
    return Operation("poll", None, [["poll"]])


@node
class Load(Generator):
    """What is next: `sends` is their share, `fresh` the next message nobody has sent, `assigned` the process of each
    thread that was assigned its keys."""

    keys: int
    sends: float
    fresh: int
    assigned: Table[int | None]

    def op(self, ctx: Context) -> Answer:
        if not ctx.free:
            return PENDING, self
        thread = pick(ctx.free, ctx.random)
        process = ctx.crew.processes[thread]
        if self.assigned[thread] != process:
            return _assign(self.keys)._replace(process=process), self
        if ctx.random.random() >= self.sends:
            return _poll()._replace(process=process), self
        key = int(ctx.random.random() * self.keys)
        send = Operation("send", None, [["send", key, self.fresh]], process)
        return send, Load(self.keys, self.sends, self.fresh + 1, self.assigned)

    def update(self, ctx: Context, event: Operation) -> Generator:
        if event.type is not Type.OK or event.f != "assign":
            return self
        thread = ctx.crew.thread(event.process or 0)
        return Load(self.keys, self.sends, self.fresh, self.assigned.put(thread, event.process))


class LogClient(Connected):
    """The workload's client for bundled stores that take transactions: a log is a list, and a consumer's place in it
    is the client's own."""

    _places: dict[int, int] | None = None

    async def invoke(self, op: Operation) -> Operation:
        """`assign`, `send` or `poll`. Raises `Failed` or `Indeterminate` as the error says."""
        places = self._places or {}
        if op.f == "assign":
            self._places = {key: places.get(key, 0) for key in op.value}
            return op.ok(op.value)
        if op.f == "send":
            [[_, key, message]] = op.value
            _, log = await self.transact(["append", _name(key), message], ["r", _name(key), None])
            return op.ok([["send", key, [len(log) - 1, message]]])
        logs = await self.transact(*(["r", _name(key), None] for key in places))
        polled = {}
        for (key, place), log in zip(places.items(), logs, strict=True):
            if new := (log or [])[place:]:
                polled[str(key)] = [[place + offset, message] for offset, message in enumerate(new)]
        self._places = {key: place + len(polled.get(str(key), ())) for key, place in places.items()}
        return op.ok([["poll", polled]])


def _name(key: int) -> str:
    return f"log/{key}"
