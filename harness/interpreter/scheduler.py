"""The scheduler: the one owner of the generator and its context, and the only one who decides anything."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from harness.client import Client, SyncClient
from harness.errors import HarnessError, RecordingError
from harness.generators.context import NEVER, Context, Crew, pick
from harness.generators.protocol import NOTHING, Generator
from harness.interpreter.deadlines import Deadlines
from harness.interpreter.leftovers import Leftovers
from harness.interpreter.tally import Tally
from harness.interpreter.workers import ClientWorker, NemesisWorker, Perform, Worker
from harness.operation import Operation, Type

BURST_MAX = 64
"""Operations begun in one go before the loop gets a turn. More would delay the answers that wait in sockets, and so
make operations look longer and more concurrent than they are; fewer would spend more on switching than on operations.
"""

_INVOKE, _INFO = Type.INVOKE, Type.INFO
_new = tuple.__new__
_log = logging.getLogger("splitbrain")


class Journal(Protocol):
    """What the interpreter needs of a `Recorder`."""

    def invoke(self, time: int, process: int, f: str, key: str | int | None, value: Any, node: str | None, /) -> int:
        """Records an invocation; returns its index. Raises `OSError`, or `ValueError` and its like for non-JSON."""
        ...

    def complete(self, invocation: int, time: int, type: int, value: Any, error: Any, /) -> int:
        """Records a completion; returns its index. Raises as `invoke`."""
        ...


class Scheduler:
    """Asks the generator, hands operations to workers, takes completions back. One use."""

    def __init__(
        self,
        generator: Generator,
        *,
        crew: Crew,
        journal: Journal,
        nodes: Sequence[str],
        clients: Callable[[str], Client | SyncClient],
        nemeses: Mapping[str, Perform],
        now: Callable[[], int],
        random: Random,
        timeout_ns: int,
        nemesis_timeout_ns: int,
        close_timeout_ns: int,
        on_event: Callable[[Operation], None] | None,
        tally: Tally,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._generator = generator
        self._ctx = Context.of(crew, random, now())
        self._journal = journal
        self._now = now
        self._on_event = on_event
        self._tally = tally
        self._bits = tuple(1 << thread for thread in range(len(crew.processes)))
        self._everyone = crew.threads
        self._completed: deque[Operation] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self.leftovers = Leftovers(
            workers=crew.concurrency,
            close_timeout_s=close_timeout_ns / 1e9,
            surprised=self.surprised,
            fail=self.fail,
        )
        self._deadlines = [
            Deadlines[Worker](timeout, loop=self.loop, now=now, expire=self._expire)
            for timeout in (timeout_ns, nemesis_timeout_ns)
        ]
        load, faults = self._deadlines
        self._workers: list[Worker] = [
            ClientWorker(self, thread, nodes[thread % len(nodes)], load, clients) for thread in range(crew.concurrency)
        ]
        for perform in nemeses.values():
            self._workers.append(NemesisWorker(self, len(self._workers), faults, perform))

    async def run(self) -> None:
        """Until the generator is exhausted and every operation complete. Raises `HarnessError`."""
        try:
            await self._drive()
        finally:
            self._tally.processes = self._ctx.crew.processes[: self._ctx.crew.concurrency]
            await self._shut_down()

    # The loop

    async def _drive(self) -> None:
        ctx, completed = self._ctx, self._completed
        burst = 0
        while True:
            while completed:
                self._take(completed.popleft())
            if self._failure is not None:
                raise self._failure
            ctx.time = self._now()
            op, following = self._generator.op(ctx)
            if isinstance(op, Operation):
                self._generator = NOTHING if following is None else following
                if op.type is _INVOKE:
                    self._begin(op)
                else:
                    _log.info("%s", op.value)
                burst += 1
                if burst == BURST_MAX:
                    burst = 0
                    await asyncio.sleep(0)
            elif op is None or following is None:
                break
            else:
                self._generator = following
                if await self._rest(op.until):
                    burst = 0
        self._generator = NOTHING
        while ctx.free != self._everyone:
            await self._rest(NEVER)
            while completed:
                self._take(completed.popleft())
            if self._failure is not None:
                raise self._failure

    def _begin(self, op: Operation) -> None:
        """Journals an invocation, then sends it."""
        ctx, crew = self._ctx, self._ctx.crew
        f, key, value, process, *_ = op
        if process is None and ctx.free:
            process = crew.processes[pick(ctx.free, ctx.random)]
        if process is None or not ctx.is_free(process):
            raise HarnessError(
                f"the generator came up with {op}, but no thread is free for it: it must look at ctx.free"
            )
        thread = crew.thread(process)
        worker = self._workers[thread]
        time = ctx.time = self._now()
        try:
            index = self._journal.invoke(time, process, f, key, value, worker.node)
        except (TypeError, ValueError, OverflowError) as error:
            raise HarnessError(f"the generator came up with {op}, which cannot be recorded: {error}") from error
        except OSError as error:
            raise RecordingError(f"the history could not be written: {error}") from error
        op = _new(Operation, (f, key, value, process, _INVOKE, time, worker.node, None, index))
        ctx.free ^= self._bits[thread]
        worker.deadlines.start(worker, time)
        worker.begin(op)
        if self._on_event is not None:
            self._show(op)
        self._tally.events[_INVOKE] += 1
        self._generator = self._generator.update(ctx, op)

    def _take(self, event: Operation) -> None:
        """A completion, that is in the history already, as seen by the generator."""
        ctx = self._ctx
        process = event.process
        assert process is not None, "an event has a process"
        thread = ctx.crew.thread(process)
        ctx.time = event.time
        ctx.free |= self._bits[thread]
        if event.type is _INFO and process >= 0:
            ctx.crew = ctx.crew.reincarnate(thread)
        self._generator = self._generator.update(ctx, event)

    async def _rest(self, until: int) -> bool:
        """Until a completion comes, or that time. False if it is that time already, so nobody else had a turn."""
        if until <= self._ctx.time:
            raise HarnessError(f"the generator, asked at {self._ctx.time} ns, waits for {until} ns, which is over")
        timer = None
        if until == NEVER:
            if self._ctx.free == self._everyone:
                raise HarnessError("the generator waits for an event, but no operation is open, so none can come")
        else:
            left_ns = until - self._now()
            if left_ns <= 0:
                return False
            timer = self.loop.call_later(left_ns / 1e9, self._rouse)
        self._wake = self.loop.create_future()
        try:
            await self._wake
        finally:
            self._wake = None
            if timer is not None:
                timer.cancel()
        return True

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # What workers report

    def complete(self, worker: Worker, op: Operation, type: Type, value: Any, error: Any) -> None:
        """The worker's operation is over. Journalled here and now, so that times in the history are those at which
        answers came."""
        time = self._now()
        worker.deadlines.stop(worker)
        try:
            try:
                index = self._journal.complete(op.index, time, type, value, error)
            except ValueError as problem:
                # Numbers and depths that JSON has not: what a target answered, rather than a client at fault. As an
                # answer that nobody can look at, it leaves open what happened.
                self.surprised(f"recording an answer to {worker.name}", problem)
                type, value, error = _INFO, op.value, {"type": "unrecordable", "text": str(problem)}
                index = self._journal.complete(op.index, time, type, value, error)
        except (TypeError, ValueError, OverflowError) as problem:
            what = f"{worker.name} completed {op} with {value!r} and error {error!r}"
            self.fail(HarnessError(f"{what}, which cannot be recorded: {problem}"))
            return
        except OSError as problem:
            self.fail(RecordingError(f"the history could not be written: {problem}"))
            return
        f, key, _, process, _, _, node, _, _ = op
        event = _new(Operation, (f, key, value, process, type, time, node, error, index))
        self._completed.append(event)
        self._tally.events[type] += 1
        if self._on_event is not None:
            self._show(event)
        wake = self._wake
        if wake is not None and not wake.done():
            wake.set_result(None)

    def _show(self, event: Operation) -> None:
        assert self._on_event is not None, "only called when somebody looks"
        try:
            self._on_event(event)
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """The harness itself failed: the run ends with the first such error."""
        if self._failure is None:
            self._failure = error
        self._rouse()

    def surprised(self, what: str, error: BaseException) -> None:
        """A client raised something it should not have: each kind is told once."""
        kind = f"{what}: {error.__class__.__name__}"
        if kind not in self._tally.surprises:
            self._tally.surprises[kind] = error
            _log.warning("%s raised %r: such operations count as indeterminate", what, error)

    def nemesis_failed(self, op: Operation, error: BaseException) -> None:
        """A nemesis raised: kept for the report."""
        self._tally.nemesis_errors.append((op, error))
        _log.warning("%s failed: %r", op.f, error)

    # Ends

    def _expire(self, worker: Worker) -> None:
        """The worker's operation has run into its deadline: another worker takes over."""
        op = worker.op
        assert op is not None and op.process is not None, "only workers with an operation have a deadline"
        type, error = worker.timed_out(worker.deadlines.timeout_ns / 1e6)
        if op.process >= 0:
            self._tally.timeouts += 1
        self._workers[worker.thread] = worker.successor()
        worker.retire()
        self.leftovers.keep(worker.task)
        self.complete(worker, op, type, op.value, error)

    async def _shut_down(self) -> None:
        """Ends every worker and client, in bounded time. Operations that are still open become `info`."""
        for worker in self._workers:
            if worker.op is not None:
                self.complete(worker, worker.op, _INFO, worker.op.value, {"type": "cancelled"})
            worker.retire()
            self.leftovers.keep(worker.task)
        for deadlines in self._deadlines:
            deadlines.close()
        self._tally.stuck = await self.leftovers.settle()
