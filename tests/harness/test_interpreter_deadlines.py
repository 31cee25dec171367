"""Deadlines: what happens when clients and nemeses do not answer in time, do not want to stop, or hang for good."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from interpreter_fakes import MS, Fake, Stage, play, succeed

from harness.client import Failed, Indeterminate
from harness.errors import HarnessError
from harness.generators import any, clients, each_thread, limit, nemesis, on, repeat
from harness.interpreter import leftovers
from harness.operation import Operation, Type

READ = Operation("read", key="x", value=5)
TIMEOUT = {"type": "timeout", "after_ms": 100.0}


def infos(stage: Stage) -> list[tuple[int | None, Any]]:
    return [(event.process, event.error) for event in stage.events if event.type is Type.INFO]


async def hang(client: Fake, op: Operation) -> Operation:
    await asyncio.sleep(3600)
    return op.ok()


async def swallow(client: Fake, op: Operation) -> Operation:
    """Takes no for no answer, five times over, then answers late."""
    for _ in range(5):
        try:
            await asyncio.sleep(0.15)
        except asyncio.CancelledError:
            continue
    return op.ok("too late")


async def stone(client: Fake, op: Operation) -> Operation:
    """Never ends, whatever one does."""
    while True:
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            continue


def test_a_missed_deadline_is_info_and_the_thread_goes_on_at_once() -> None:
    stage = play(each_thread([READ] * 3), hang, timeout_ms=100, concurrency=3)
    assert sorted(infos(stage), key=lambda info: info[0] or 0) == [(process, TIMEOUT) for process in range(9)]
    assert 0.3 <= stage.seconds < 3
    assert stage.tally.timeouts == 9 and stage.tally.stuck == 0
    assert stage.opened() == stage.closed() == 9


def test_every_deadline_is_kept_when_operations_begin_at_different_times() -> None:
    async def sometimes(client: Fake, op: Operation) -> Operation:
        if op.index % 5 == 0:
            await asyncio.sleep(3600)
        await asyncio.sleep(0.003)
        return op.ok(op.value)

    stage = play(limit(300, repeat(READ)), sometimes, timeout_ms=100, concurrency=20)
    begun = {event.process: event for event in stage.events if event.type is Type.INVOKE}
    late = [event.time - begun[event.process].time for event in stage.events if event.type is Type.INFO]
    assert stage.tally.timeouts == len(late) > 20
    assert all(100 * MS <= length < 1_000 * MS for length in late), late


def test_a_client_that_swallows_its_cancellation_holds_up_nothing_and_is_not_heard() -> None:
    stage = play([READ, READ], swallow, timeout_ms=100, concurrency=1)
    assert [event.type.label for event in stage.events] == ["invoke", "info"] * 2
    assert [event.value for event in stage.events] == [5] * 4
    assert stage.opened() == stage.closed() == 2


def test_a_client_that_never_ends_is_left_behind_and_hangs_neither_the_run_nor_the_loop() -> None:
    stage = Stage(timeout_ms=100)
    begun = time.monotonic()
    asyncio.run(stage.interpret([READ], stone, concurrency=1))  # closing a loop waits for all the tasks it knows
    assert time.monotonic() - begun < 10
    assert infos(stage) == [(0, TIMEOUT)]
    assert stage.tally.stuck == 1


def test_too_many_hanging_calls_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "COUNT_MAX", 10)
    stage = Stage(timeout_ms=100)
    with pytest.raises(HarnessError, match="has to end when it is cancelled"):
        asyncio.run(stage.interpret(repeat(READ), stone, concurrency=3, timeout_ns=MS))


def test_a_deadline_while_opening_is_fail_since_nothing_was_sent() -> None:
    class Slow(Fake):
        async def open(self) -> None:
            await asyncio.sleep(3600)

    stage = Stage(timeout_ms=100)
    asyncio.run(stage.interpret([READ] * 2, clients=lambda node: Slow(node, succeed, stage.log), concurrency=1))
    assert [(event.process, event.type.label) for event in stage.events] == [(0, "invoke"), (0, "fail")] * 2
    assert stage.events[1].error == {"type": "no-client", "class": "TimeoutError", "message": "not open after 100.0 ms"}
    assert stage.log == []


def test_an_open_that_succeeds_too_late_is_closed_again() -> None:
    class Late(Fake):
        async def open(self) -> None:
            await asyncio.shield(asyncio.sleep(0.01))
            try:
                await asyncio.sleep(0.15)
            except asyncio.CancelledError:
                await asyncio.sleep(0.01)
            await super().open()

    stage = Stage(timeout_ms=100)
    asyncio.run(stage.interpret(READ, clients=lambda node: Late(node, succeed, stage.log), concurrency=1))
    assert stage.log == ["open n1", "close n1"]
    assert [event.type.label for event in stage.events] == ["invoke", "fail"]


def test_a_close_that_hangs_or_raises_holds_up_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Sticky(Fake):
        async def close(self) -> None:
            await super().close()
            if self.node == "n1":
                raise OSError("already gone")
            await asyncio.sleep(3600)

    async def crash(client: Fake, op: Operation) -> Operation:
        raise Indeterminate(None)

    stage = Stage(timeout_ms=100)
    begun = time.monotonic()
    asyncio.run(stage.interpret(each_thread([READ] * 3), clients=lambda node: Sticky(node, crash, stage.log)))
    assert time.monotonic() - begun < 10
    assert stage.opened() == stage.closed() == 9
    assert list(stage.tally.surprises) == ["close of client Sticky: OSError"] and "already gone" in caplog.text


def test_a_nemesis_has_a_deadline_of_its_own() -> None:
    async def endless(op: Operation) -> Any:
        await asyncio.sleep(3600)

    async def fine(op: Operation) -> Any:
        await asyncio.sleep(0.15)
        return "done"

    stage = play(
        any(nemesis("endless", [Operation("cut")] * 2), nemesis("fine", Operation("kill")), clients(READ)),
        nemeses={"endless": endless, "fine": fine},
        timeout_ms=50,
        nemesis_timeout_ns=300 * MS,
    )
    assert [(e.process, e.f, e.error) for e in stage.events if e.type is Type.INFO] == [
        (-2, "kill", None),
        (-1, "cut", {"type": "timeout", "after_ms": 300.0}),
        (-1, "cut", {"type": "timeout", "after_ms": 300.0}),
    ]
    assert [error.__class__ for _, error in stage.tally.nemesis_errors] == [TimeoutError, TimeoutError]


# Blocking clients


class Blocking:
    """A client that blocks; its methods note the thread they ran on."""

    def __init__(self, log: list[str], invoke: Any) -> None:
        self._log = log
        self._invoke = invoke
        self.threads: set[int] = set()

    def open(self) -> None:
        self.threads.add(threading.get_ident())
        self._log.append("open")

    def invoke(self, op: Operation) -> Operation:
        self.threads.add(threading.get_ident())
        result: Operation = self._invoke(op)
        return result

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self._log.append("close")


def test_a_blocking_client_runs_on_one_thread_of_its_own() -> None:
    made: list[Blocking] = []

    def slowly(op: Operation) -> Operation:
        time.sleep(0.02)
        return op.ok(op.value)

    stage = Stage(timeout_ms=100)

    def make(node: str) -> Blocking:
        made.append(Blocking(stage.log, slowly))
        return made[-1]

    asyncio.run(stage.interpret(each_thread([READ] * 3), clients=make, concurrency=5, timeout_ns=5_000 * MS))
    assert [event.type for event in stage.events[:5]] == [Type.INVOKE] * 5  # side by side
    assert [event.type for event in stage.events].count(Type.OK) == 15
    assert len(made) == 5 and all(len(client.threads) == 1 for client in made)
    assert len({next(iter(client.threads)) for client in made}) == 5
    assert threading.get_ident() not in set().union(*(client.threads for client in made))
    assert stage.opened() == stage.closed() == 5


@pytest.mark.parametrize(
    ("error", "type", "recorded"),
    [
        (Failed("no"), Type.FAIL, "no"),
        (Indeterminate("perhaps"), Type.INFO, "perhaps"),
        (OSError("broken"), Type.INFO, {"type": "exception", "class": "OSError", "message": "broken"}),
        (
            StopIteration("odd"),
            Type.INFO,
            {"type": "exception", "class": "RuntimeError", "message": "StopIteration: odd"},
        ),
    ],
)
def test_what_a_blocking_client_raises_counts_as_always(error: Exception, type: Type, recorded: Any) -> None:
    def invoke(op: Operation) -> Operation:
        raise error

    stage = Stage(timeout_ms=100)
    asyncio.run(stage.interpret([READ] * 2, clients=lambda node: Blocking(stage.log, invoke), concurrency=1))
    assert [(event.type, event.error) for event in stage.events[1::2]] == [(type, recorded)] * 2
    assert stage.opened() == stage.closed()


def test_a_blocking_client_that_never_returns_holds_up_nothing() -> None:
    release = threading.Event()
    stage = Stage(timeout_ms=100)

    def invoke(op: Operation) -> Operation:
        release.wait(30)
        return op.ok("too late")

    def make(node: str) -> Blocking:
        return Blocking(stage.log, invoke)

    async def main() -> None:
        await stage.interpret(on([0], [READ] * 3), clients=make)
        assert infos(stage) == [(0, TIMEOUT), (3, TIMEOUT), (6, TIMEOUT)]
        assert stage.log == ["open"] * 3
        release.set()
        await asyncio.sleep(0.1)

    begun = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - begun < 10
    assert stage.closed() == 3  # each by its own thread, once the call had returned
    assert [event.value for event in stage.events] == [5] * 6


def test_a_blocking_open_that_succeeds_too_late_is_closed_again() -> None:
    stage = Stage(timeout_ms=100)

    class Slow(Blocking):
        def open(self) -> None:
            time.sleep(0.2)
            super().open()

    async def main() -> None:
        await stage.interpret(READ, clients=lambda node: Slow(stage.log, lambda op: op.ok()), concurrency=1)
        await asyncio.sleep(0.2)

    asyncio.run(main())
    assert [event.type.label for event in stage.events] == ["invoke", "fail"]
    assert stage.log == ["open", "close"]


def test_a_thread_that_outlives_the_loop_does_no_harm() -> None:
    release, done = threading.Event(), threading.Event()
    stage = Stage(timeout_ms=100)

    def invoke(op: Operation) -> Operation:
        release.wait(30)
        return op.ok()

    class Last(Blocking):
        def close(self) -> None:
            done.set()

    asyncio.run(stage.interpret(READ, clients=lambda node: Last(stage.log, invoke), concurrency=1))
    release.set()
    assert done.wait(5)
