"""Ctrl-C and its like: clients closed, the history consistent, in bounded time."""

from __future__ import annotations

import asyncio
import signal
import threading
import time

import pytest
from interpreter_fakes import Fake, Stage, check, nap

from harness.generators import any, clients, nemesis, repeat
from harness.operation import Operation, Type

READ = Operation("read", key="x", value=5)


async def hang(client: Fake, op: Operation) -> Operation:
    await asyncio.sleep(3600)
    return op.ok()


def consistent(stage: Stage) -> None:
    """Every invocation has its completion; those cut off are `info`."""
    assert stage.notebook.open == 0
    assert stage.opened() > 0
    check(stage)
    cut_off = [event for event in stage.events if event.error == {"type": "cancelled"}]
    assert cut_off and all(event.type is Type.INFO and event.value == 5 for event in cut_off)


def test_cancellation_closes_all_clients_and_completes_what_is_open() -> None:
    async def endless(op: Operation) -> None:
        await asyncio.sleep(3600)

    async def main() -> Stage:
        stage = Stage()
        run = asyncio.create_task(
            stage.interpret(
                any(clients(repeat(READ)), nemesis(0, READ)),
                hang,
                concurrency=20,
                nemeses={"endless": endless},
            )
        )
        await asyncio.sleep(0.05)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return stage

    begun = time.monotonic()
    consistent(asyncio.run(main()))
    assert time.monotonic() - begun < 5


def test_the_tally_is_filled_also_when_the_run_is_cancelled() -> None:
    async def main() -> Stage:
        stage = Stage()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stage.interpret(repeat(READ), nap), 0.05)
        return stage

    stage = asyncio.run(main())
    assert stage.tally.events[Type.OK] > 3 and len(stage.tally.processes) == 3
    assert sum(stage.tally.events) == len(stage.events)


def test_an_interrupt_from_the_keyboard_closes_all_clients() -> None:
    stage = Stage()
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(stage.interpret(repeat(READ), hang))
    timer.join()
    consistent(stage)


def test_a_second_cancellation_does_not_wait_for_clients_that_will_not_close() -> None:
    class Sticky(Fake):
        async def close(self) -> None:
            await super().close()
            await asyncio.sleep(3600)

    async def main() -> Stage:
        stage = Stage()
        run = asyncio.create_task(
            stage.interpret(
                repeat(READ),
                clients=lambda node: Sticky(node, hang, stage.log),
                close_timeout_ns=10**12,
            )
        )
        await asyncio.sleep(0.05)
        run.cancel()
        await asyncio.sleep(0.05)
        assert not run.done()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        return stage

    begun = time.monotonic()
    consistent(asyncio.run(main()))
    assert time.monotonic() - begun < 5
