"""The interpreter on virtual time: exact, instant, and the same every time."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from interpreter_fakes import MS, Fake, Stage, check

from harness.clusters.sim.loop import SimLoop
from harness.errors import Unsupported
from harness.generators import (
    any,
    clients,
    cycle,
    delay,
    each_thread,
    limit,
    mix,
    nemesis,
    phases,
    repeat,
    sleep,
    stagger,
    time_limit,
    until_ok,
)
from harness.operation import Operation, Type

READ, WRITE = Operation("read", key="x"), Operation("write", key="x", value=1)
S = 1_000_000_000


def play(generator: Any, invoke: Any = None, **options: Any) -> Stage:
    """Interprets on a loop of virtual time."""
    stage = Stage()
    loop = SimLoop()
    try:
        loop.run_until_complete(stage.interpret(generator, invoke, now=lambda: loop.now_ns, **options))
    finally:
        loop.close()
    check(stage)
    return stage


def eventful() -> Stage:
    """A minute of everything: slow answers, failures, crashes, time-outs, nemeses, phases."""
    chance = Random(3)

    async def invoke(client: Fake, op: Operation) -> Operation:
        await asyncio.sleep(chance.random() * 0.11)
        if chance.random() < 0.1:
            raise OSError("broken")
        return op.ok(chance.random())

    async def fault(op: Operation) -> Any:
        await asyncio.sleep(chance.random())
        return {"fault": op.f}

    def faults(name: str) -> Any:
        return nemesis(name, cycle([sleep(2), Operation(f"start-{name}"), sleep(1), Operation(f"stop-{name}")]))

    return play(
        phases(
            time_limit(
                60, any(clients(stagger(0.02, mix(repeat(READ), repeat(WRITE)))), faults("cut"), faults("kill"))
            ),
            clients(each_thread(until_ok(repeat(READ)))),
        ),
        invoke,
        concurrency=7,
        nemeses={"cut": fault, "kill": fault},
        timeout_ns=100 * MS,
    )


def test_equal_seeds_give_equal_histories() -> None:
    first, second = eventful(), eventful()
    assert first.events == second.events
    assert first.log == second.log
    assert len(first.events) > 5_000 and first.tally.timeouts > 100 and len(first.tally.surprises) == 1


def digest(stage: Stage) -> str:
    return hashlib.sha256(repr(stage.events).encode()).hexdigest()


def test_histories_do_not_depend_on_hashes_or_addresses() -> None:
    here = Path(__file__).parent
    script = "import test_interpreter_virtual as test; print(test.digest(test.eventful()))"
    path = os.pathsep.join(map(str, [here, here.parent.parent]))
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_times_are_exact() -> None:
    stage = play(limit(3, delay(0.001_000_001, repeat(READ))))
    assert [event.time for event in stage.events if event.type is Type.INVOKE] == [0, 1_000_001, 2_000_002]


def test_a_deadline_is_exact() -> None:
    async def hang(client: Fake, op: Operation) -> Operation:
        await asyncio.sleep(3600)
        return op.ok()

    stage = play([READ, sleep(0.5), READ, READ], hang, concurrency=2, timeout_ns=S)
    assert [event.time for event in stage.events if event.type is Type.INFO] == [S, S * 3 // 2, 2 * S]


def test_the_rate_is_kept_to_the_operation() -> None:
    stage = play(time_limit(10, delay(1 / 200, repeat(READ))))
    assert stage.tally.events[Type.OK] == 2_000


def test_a_blocking_client_cannot_live_in_virtual_time() -> None:
    class Blocking:
        def open(self) -> None: ...

        def invoke(self, op: Operation) -> Operation:
            return op.ok()

        def close(self) -> None: ...

    with pytest.raises(Unsupported, match="virtual time cannot wait for a thread"):
        play(READ, clients=lambda node: Blocking())
