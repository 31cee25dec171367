"""The virtual-time loop: exact time, fixed order, and a clear end when nothing can happen."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.sim import loop as loop_module
from harness.clusters.sim.loop import SimLoop
from harness.errors import HarnessError, Unsupported

MS = 1_000_000


def run(main: Callable[[], Awaitable[Any]]) -> tuple[Any, SimLoop]:
    loop = SimLoop()

    async def call() -> Any:
        return await main()

    try:
        return loop.run_until_complete(call()), loop
    finally:
        loop.close()


def test_sleeping_takes_no_real_time_and_is_exact() -> None:
    async def main() -> float:
        for _ in range(10_000):
            await asyncio.sleep(0.1)
        return asyncio.get_running_loop().time()

    seconds, loop = run(main)
    assert seconds == 1000.0
    assert loop.now_ns == 1000 * 10**9


@given(st.lists(st.integers(0, 5), max_size=30))
def test_timers_fire_by_time_then_in_the_order_they_were_set(delays: list[int]) -> None:
    fired: list[tuple[int, int]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        for number, delay in enumerate(delays):
            loop.call_at_ns(delay * MS, lambda pair: fired.append(pair), (delay, number))
        await asyncio.sleep(1)

    run(main)
    assert fired == sorted((delay, number) for number, delay in enumerate(delays))


def test_what_a_timer_makes_ready_runs_before_the_next_timer_of_the_same_instant() -> None:
    order: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def first() -> None:
            order.append("first")
            loop.call_soon(order.append, "its consequence")

        loop.call_later(1, first)
        loop.call_later(1, order.append, "second")
        await asyncio.sleep(2)

    run(main)
    assert order == ["first", "its consequence", "second"]


def test_cancelled_timers_do_not_fire_and_the_past_means_now() -> None:
    fired: list[int] = []

    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        await asyncio.sleep(1)
        loop.call_later(1, fired.append, 1).cancel()
        loop.call_soon(fired.append, 2).cancel()
        timer = loop.call_at_ns(5, lambda: fired.append(loop.now_ns))
        assert timer.when() == 1.0
        assert not timer.cancelled()
        await asyncio.sleep(2)
        return loop.now_ns

    now_ns, _ = run(main)
    assert fired == [10**9]
    assert now_ns == 3 * 10**9


def test_asyncios_own_tools_work() -> None:
    async def number(n: int) -> int:
        await asyncio.sleep(n)
        return n

    async def main() -> list[Any]:
        seen: list[Any] = [await asyncio.gather(number(3), number(1))]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(number(9), 2)
        queue: asyncio.Queue[int] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            group.create_task(queue.put(7))
            seen.append(await queue.get())
        done, pending = await asyncio.wait(
            [asyncio.ensure_future(number(1)), asyncio.ensure_future(number(5))], timeout=2
        )
        seen.append((len(done), len(pending)))
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return [*seen, asyncio.get_running_loop().time()]

    assert run(main)[0] == [[3, 1], 7, (1, 1), 3 + 1.5 + 2 + 2]


def test_waiting_for_what_cannot_happen_is_an_error() -> None:
    with pytest.raises(HarnessError, match=r"stands still at 2\.0 s"):

        async def main() -> None:
            await asyncio.sleep(2)
            await asyncio.get_running_loop().create_future()

        _run_and_drop(main)


def _run_and_drop(main: Callable[[], Awaitable[Any]]) -> None:
    loop = SimLoop()

    async def call() -> None:
        await main()

    task = loop.create_task(call())
    try:
        loop.run_until_complete(task)
    except HarnessError:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        raise


def test_time_that_stands_still_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "SPINS_MAX", 1000)
    with pytest.raises(HarnessError, match=r"1,000 callbacks ran at 1\.0 s"):

        async def main() -> None:
            await asyncio.sleep(1)
            for _ in itertools.count():
                await asyncio.sleep(0)

        _run_and_drop(main)


def test_threads_are_refused_by_name() -> None:
    async def main() -> None:
        await asyncio.to_thread(print)

    with pytest.raises(Unsupported, match="the simulator has no threads"):
        run(main)


def test_an_exception_in_a_callback_is_logged_and_time_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> str:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)
        return "alive"

    with caplog.at_level(logging.ERROR):
        assert run(main)[0] == "alive"
    assert "ZeroDivisionError" in caplog.text


def test_a_handler_set_by_the_caller_hears_of_it_instead() -> None:
    heard: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: heard.append(context["exception"]))
        assert loop.get_exception_handler() is not None
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    run(main)
    assert [type(error) for error in heard] == [ZeroDivisionError]


def test_each_task_has_its_own_context() -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    async def setter(n: int) -> int:
        variable.set(n)
        await asyncio.sleep(n)
        return variable.get()

    async def main() -> list[int]:
        return [*await asyncio.gather(setter(1), setter(2)), variable.get()]

    assert run(main)[0] == [1, 2, 0]


def test_generators_left_behind_are_closed() -> None:
    closed: list[str] = []

    async def ticks(name: str) -> AsyncIterator[int]:
        try:
            while True:
                yield 1
                await asyncio.sleep(1)
        finally:
            await asyncio.sleep(1)
            closed.append(name)

    async def main() -> AsyncIterator[int]:
        async for _ in ticks("dropped"):
            break
        gc.collect()
        await asyncio.sleep(5)
        kept = ticks("kept")
        await anext(kept)
        return kept

    loop = SimLoop()
    kept = loop.run_until_complete(main())
    assert closed == ["dropped"]
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert closed == ["dropped", "kept"]
    del kept


def test_a_loop_does_not_run_inside_another_or_after_its_end() -> None:
    async def main() -> None:
        inner = SimLoop()
        coroutine = asyncio.sleep(1)
        with pytest.raises(RuntimeError):
            inner.run_until_complete(coroutine)
        coroutine.close()

    _, loop = run(main)
    coroutine = asyncio.sleep(1)
    with pytest.raises(RuntimeError):
        loop.run_until_complete(coroutine)
    coroutine.close()
    assert loop.is_closed()
    assert not loop.is_running()
