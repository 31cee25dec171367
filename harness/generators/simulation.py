"""`simulate`: what a generator would do, without threads, clients or waiting. For the tests of schedules.

    >>> events = simulate(limit(3, stagger(0.1, repeat(Operation("read")))), concurrency=2)

The crew is imagined, time jumps from event to event, and a completion function decides how every operation ends.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from random import Random

from harness.errors import HarnessError
from harness.generators.context import NEVER, Context, Crew
from harness.generators.protocol import Generator, Liftable, Pending, lift
from harness.operation import Operation, Type

LATENCY_NS = 10
"""How long an operation takes with the completion functions below."""

EVENTS_MAX = 1_000_000
"""A simulation of an endless generator is an error, not a hang."""

Complete = Callable[[Operation], Operation]
"""Given an invocation, its completion, with the time it comes at."""


def quick(op: Operation) -> Operation:
    """`ok` in no time."""
    return op._replace(type=Type.OK)


def perfect(op: Operation) -> Operation:
    """`ok` after `LATENCY_NS`."""
    return op._replace(type=Type.OK, time=op.time + LATENCY_NS)


def perfect_info(op: Operation) -> Operation:
    """`info` after `LATENCY_NS`: every process crashes at its first operation."""
    return op._replace(type=Type.INFO, time=op.time + LATENCY_NS)


def imperfect(op: Operation) -> Operation:
    """`ok`, `info` or `fail` by turns, after `LATENCY_NS`."""
    return op._replace(type=(Type.OK, Type.INFO, Type.FAIL)[op.index // 2 % 3], time=op.time + LATENCY_NS)


def simulate(
    generator: Liftable,
    *,
    concurrency: int = 3,
    nemeses: Iterable[str] = (),
    complete: Complete = perfect,
    seed: int = 0,
    events: int | None = None,
) -> list[Operation]:
    """The events of a run, invocations and completions, in order, each with its index; the first `events` of them if
    that is given.

    Obeys the interpreter's rules: completions before invocations, a new process after `info`, nemeses always end in
    `info`. Raises `HarnessError` for a generator that waits for an event that cannot come, uses a thread that is not
    free, or never ends.
    """
    run = _Simulation(lift(generator), Crew.of(concurrency, nemeses), complete, Random(seed))
    most = EVENTS_MAX if events is None else events
    while len(run.events) < most and run.step():
        pass
    if events is None and len(run.events) >= most:
        raise HarnessError(
            f"simulate: more than {most} events: bound the generator, or ask for the first few with `events`"
        )
    return run.events[:most]


class _Simulation:
    def __init__(self, generator: Generator, crew: Crew, complete: Complete, random: Random) -> None:
        self.events: list[Operation] = []
        self._generator: Generator | None = generator
        self._ctx = Context.of(crew, random)
        self._complete = complete
        self._open: list[
            tuple[int, int, Operation]
        ] = []  # a heap: completion time, index of the invocation, completion

    def step(self) -> bool:
        """Takes what has completed, or invokes one operation, or lets time pass. False when all is over."""
        if self._open and (self._generator is None or self._open[0][0] <= self._ctx.time):
            self._take_completion()
            return True
        if self._generator is None:
            return False
        op, self._generator = self._generator.op(self._ctx)
        if isinstance(op, Operation):
            if op.type is Type.INVOKE:
                self._invoke(op)
        elif op is None:
            self._generator = None
        else:
            self._pass_time(op)
        return True

    def _invoke(self, op: Operation) -> None:
        ctx = self._ctx
        op = ctx.assign(op) if ctx.free else op
        if op.process is None or not ctx.is_free(op.process):
            raise HarnessError(f"simulate: the thread for {op} is not free")
        op = op._replace(time=ctx.time, index=len(self.events))
        completion = self._complete(op)
        if op.process is not None and op.process < 0:
            completion = completion._replace(type=Type.INFO)
        heapq.heappush(self._open, (completion.time, op.index, completion))
        ctx.free &= ~(1 << ctx.thread(op.process or 0))
        self._happen(op)

    def _take_completion(self) -> None:
        ctx = self._ctx
        time, _, completion = heapq.heappop(self._open)
        assert completion.process is not None, "an invocation has a process"
        ctx.time = max(ctx.time, time)
        thread = ctx.thread(completion.process)
        ctx.free |= 1 << thread
        if completion.type is Type.INFO and completion.process >= 0:
            ctx.crew = ctx.crew.reincarnate(thread)
        self._happen(completion._replace(index=len(self.events)))

    def _happen(self, event: Operation) -> None:
        self.events.append(event)
        if self._generator is not None:
            self._generator = self._generator.update(self._ctx, event)

    def _pass_time(self, pending: Pending) -> None:
        if pending.until <= self._ctx.time:
            raise HarnessError(f"simulate: asked at {self._ctx.time} ns, the generator waits for {pending.until} ns")
        soonest = min(pending.until, self._open[0][0] if self._open else NEVER)
        if soonest == NEVER:
            raise HarnessError("simulate: the generator waits for an event, but no operation is open")
        self._ctx.time = soonest
