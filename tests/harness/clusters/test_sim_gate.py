"""The gate: a paused node does nothing and a killed one never wakes, whatever it was waiting for."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from harness.clusters.sim.gate import NodeLoop
from harness.clusters.sim.loop import SimLoop


class Bench:
    """A loop, a node's loop on it, and what the node's code did."""

    def __init__(self) -> None:
        self.root = SimLoop()
        self.logged: list[str] = []
        self.exits: list[str] = []
        self.did: list[str] = []
        self.node = NodeLoop(self.root, "n1", log=self.logged.append, exited=self.exits.append)

    def do(self, what: str) -> None:
        assert asyncio.get_running_loop() is self.node, "node code runs with its own loop as the running one"
        self.did.append(f"{self.root.time():g} {what}")

    def run(self, story: Callable[[], Coroutine[Any, Any, None]]) -> list[str]:
        self.root.run_until_complete(story())
        return self.did

    async def deliver(self, function: Callable[[], object]) -> None:
        """Runs node code as the delivery of a message does."""
        self.root.post(self.root.now_ns + 1_000_000, self.node.enter, function)
        await asyncio.sleep(0.001)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def sleeper(bench: Bench) -> None:
    while True:
        await asyncio.sleep(1)
        bench.do("sleep")


async def timers(bench: Bench) -> None:
    def tick() -> None:
        bench.do("timer")
        asyncio.get_running_loop().call_later(1, tick)

    tick()
    await asyncio.Event().wait()


async def waiter(bench: Bench) -> None:
    condition = asyncio.Event()
    asyncio.get_running_loop().call_later(2.5, condition.set)
    while True:
        try:
            async with asyncio.timeout(1):
                await condition.wait()
        except TimeoutError:
            bench.do("timeout")
        else:
            bench.do("event")
            condition.clear()


async def gatherer(bench: Bench) -> None:
    while True:
        await asyncio.gather(asyncio.sleep(1), asyncio.sleep(0.5))
        bench.do("gather")


@pytest.mark.parametrize("activity", [sleeper, timers, waiter, gatherer])
def test_nothing_happens_while_paused_and_all_of_it_afterwards(bench: Bench, activity: Callable[..., Any]) -> None:
    async def story() -> None:
        bench.node.create_task(activity(bench))
        await asyncio.sleep(1.6)
        bench.node.pause()
        before = list(bench.did)
        assert before
        await asyncio.sleep(10)
        assert bench.did == before
        assert bench.node.resume() > 0
        await asyncio.sleep(1.2)
        assert len(bench.did) > len(before)
        assert bench.did[len(before)].startswith("11.6 ")
        bench.node.kill()

    bench.run(story)


@pytest.mark.parametrize("activity", [sleeper, timers, waiter, gatherer])
def test_nothing_ever_happens_after_a_kill(bench: Bench, activity: Callable[..., Any]) -> None:
    async def story() -> None:
        bench.node.create_task(activity(bench))
        await asyncio.sleep(1.6)
        bench.node.kill()
        before = list(bench.did)
        await asyncio.sleep(10)
        gc.collect()
        assert bench.did == before

    bench.run(story)
    assert bench.logged == []


def test_wake_ups_queue_in_the_order_they_came_due(bench: Bench) -> None:
    async def story() -> None:
        bench.node.pause()
        for delay in (3, 1, 2):
            bench.node.call_later(delay, bench.do, f"after {delay}")
        bench.node.call_soon(bench.do, "soon")
        await asyncio.sleep(5)
        assert bench.node.resume() == 4
        await asyncio.sleep(0)

    assert bench.run(story) == ["5 soon", "5 after 1", "5 after 2", "5 after 3"]


def test_a_pause_can_end_in_a_kill(bench: Bench) -> None:
    async def story() -> None:
        bench.node.create_task(sleeper(bench))
        await asyncio.sleep(0.5)
        bench.node.pause()
        await asyncio.sleep(3)
        bench.node.kill()
        await asyncio.sleep(3)

    assert bench.run(story) == []


def test_the_first_step_of_a_handler_runs_at_once(bench: Bench) -> None:
    async def handler(seconds: float) -> str:
        bench.do("begins")
        if seconds:
            await asyncio.sleep(seconds)
        return "done"

    async def story() -> None:
        tasks: list[asyncio.Task[str]] = []
        await bench.deliver(lambda: tasks.append(bench.node.run_now(handler(0))))
        assert tasks[0].result() == "done"
        await bench.deliver(lambda: tasks.append(bench.node.run_now(handler(1))))
        assert not tasks[1].done()
        await asyncio.sleep(2)
        assert tasks[1].result() == "done"

    assert bench.run(story) == ["0.001 begins", "0.002 begins"]


def test_an_exception_nobody_waits_for_is_logged_by_the_node(bench: Bench) -> None:
    async def story() -> None:
        bench.node.call_soon(lambda: 1 / 0)
        await bench.deliver(lambda: {}[1])
        await asyncio.sleep(1)

    bench.run(story)
    assert ["ZeroDivisionError" in bench.logged[0], "KeyError" in bench.logged[1]] == [True, True]


def test_a_node_that_exits_does_not_take_the_run_with_it(bench: Bench) -> None:
    async def panics() -> None:
        raise SystemExit(3)

    async def story() -> None:
        task = bench.node.create_task(panics())
        await asyncio.sleep(1)
        assert task.done()
        await bench.deliver(lambda: sys.exit(4))
        with pytest.raises(SystemExit):
            task.result()

    bench.run(story)
    assert bench.exits == ["the node exits: 3", "the node exits: 4"]


class Stubborn:
    """Code that tries everything to do something as it dies."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.woken: list[str] = []

    async def finally_awaits(self) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0)
            self.woken.append("finally, after its own await")

    async def finally_spawns(self) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            loop = asyncio.get_running_loop()
            self.last_words = [loop.create_task(self.never()), asyncio.ensure_future(self.never())]
            loop.call_soon(self.woken.append, "call_soon")
            loop.call_later(0, self.woken.append, "call_later")

    async def refuses(self) -> None:
        while True:
            try:
                await asyncio.sleep(100)
            except BaseException:
                continue

    async def raises(self) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            raise ValueError("on the way out")

    async def generator(self) -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            self.woken.append("generator")

    async def iterates(self) -> None:
        async for _ in self.generator():
            await asyncio.sleep(100)

    async def never(self) -> None:
        self.woken.append("a task of its last words")


@pytest.mark.parametrize("name", ["finally_awaits", "finally_spawns", "refuses", "raises", "iterates", "never"])
def test_dying_code_reaches_nothing_and_leaves_no_noise(bench: Bench, name: str) -> None:
    stubborn = Stubborn(bench)

    async def story() -> None:
        if name != "never":
            bench.node.create_task(getattr(stubborn, name)())
            await asyncio.sleep(1)
        # and one that has not had its first step yet
        bench.node.create_task(getattr(stubborn, name)())
        bench.node.kill()
        await asyncio.sleep(1000)

    bench.run(story)
    gc.collect()  # with warnings as errors, an unraisable one here fails the test
    assert [word for word in stubborn.woken if word != "finally, after its own await"] == []
    assert bench.logged == []


def test_a_killed_loop_takes_no_new_work(bench: Bench) -> None:
    async def story() -> None:
        bench.node.kill()
        bench.node.call_soon(bench.do, "soon")
        bench.node.call_later(1, bench.do, "later")
        bench.node.create_task(sleeper(bench))
        future = bench.node.create_future()
        future.add_done_callback(lambda _: bench.do("callback"))
        future.set_result(None)
        await asyncio.sleep(5)

    assert bench.run(story) == []
    assert not bench.root.heap
