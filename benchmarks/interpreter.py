"""How many operations the interpreter completes per second of real time.

    python -m benchmarks.interpreter [--seconds 3] [--runs 3] [--memory]

The client does nothing, asynchronously. Everything else is as in a run: uvloop, deadlines, every event recorded to a
file and flushed twice a second. The last column is per second of CPU time: what an otherwise idle machine would reach
if others are using it too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import uvloop

from harness._core import Recorder
from harness.generators import (
    Context,
    Generator,
    any,
    clients,
    cycle,
    each_thread,
    nemesis,
    repeat,
    sleep,
    stagger,
    time_limit,
    weighted,
)
from harness.interpreter import interpret
from harness.operation import Operation, Type
from workloads.register import Register

WORKERS = (100, 1_024)
NODES = ("n1", "n2", "n3", "n4", "n5")
KEYS = 20
FLUSH_S = 0.5
AT_ONCE_S = 1e-6
"""A pause for `stagger` that is always over: a rate nobody reaches."""


class Nothing:
    """A client that does nothing."""

    def __init__(self, node: str) -> None:
        self.node = node

    async def open(self) -> None:
        """Nothing to open."""

    async def invoke(self, op: Operation) -> Operation:
        """Succeeds at once."""
        return op.ok(op.value)

    async def close(self) -> None:
        """Nothing to close."""


def read(ctx: Context) -> Operation:
    """A read of a random key."""
    return Operation("read", int(ctx.random.random() * KEYS))


def write(ctx: Context) -> Operation:
    """A write to a random key."""
    return Operation("write", int(ctx.random.random() * KEYS), int(ctx.random.random() * 1_000_000))


def reads(workers: int) -> Generator:
    """The least there can be."""
    return clients(repeat(Operation("read", "x")))


def mixed(workers: int) -> Generator:
    """A mix of functions at a rate."""
    return clients(stagger(AT_ONCE_S, weighted((5, read), (4, write))))


def apart(workers: int) -> Generator:
    """The same for every thread on its own."""
    return clients(stagger(AT_ONCE_S, each_thread(weighted((5, read), (4, write)))))


def register(workers: int) -> Generator:
    """The register workload."""
    return clients(Register(rate=1 / AT_ONCE_S, keys=KEYS, concurrency=workers).generator())


def faulty(workers: int) -> Generator:
    """The register workload beside four nemeses."""
    faults = cycle([sleep(0.1), Operation("start-fault"), sleep(0.1), Operation("stop-fault")])
    return any(register(workers), *(nemesis(name, faults) for name in NEMESES))


async def fault(op: Operation) -> Any:
    """A nemesis that does nothing."""
    return {"fault": "x"}


NEMESES = dict.fromkeys(("partition", "kill", "pause", "clock"), fault)
SCHEDULES: tuple[Callable[[int], Generator], ...] = (reads, mixed, apart, register, faulty)


async def once(
    schedule: Callable[[int], Generator], workers: int, seconds: float, path: Path | None
) -> tuple[float, float]:
    """Completed operations per second of real time, and of CPU time."""
    recorder = Recorder(None if path is None else str(path))

    async def flush() -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            recorder.flush()

    flushing = asyncio.create_task(flush())
    begun, begun_cpu = time.perf_counter(), time.process_time()
    tally = await interpret(
        time_limit(seconds, schedule(workers)),
        recorder=recorder,
        nodes=NODES,
        concurrency=workers,
        clients=Nothing,
        nemeses=NEMESES,
        now=time.monotonic_ns,
        random=Random(7),
    )
    recorder.close()
    wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - begun_cpu
    flushing.cancel()
    with suppress(asyncio.CancelledError):
        await flushing
    completed = sum(tally.events) - tally.events[Type.INVOKE]
    assert completed == tally.events[Type.INVOKE], "an operation was lost"
    assert tally.timeouts == 0 and len(recorder) == 2 * completed, "an event was lost"
    return completed / wall_s, completed / cpu_s


def main() -> None:
    """Prints one line per schedule and number of workers: the best of some runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3, help="length of a run")
    parser.add_argument("--runs", type=int, default=3, help="runs per line, of which the best counts")
    parser.add_argument("--memory", action="store_true", help="record in memory only")
    options = parser.parse_args()
    print(f"{'schedule':<44} {'workers':>8} {'ops/s':>10} {'ops/CPU s':>10}")
    for schedule in SCHEDULES:
        for workers in WORKERS:
            results = []
            for _ in range(options.runs):
                gc.collect()
                with tempfile.TemporaryDirectory() as folder:
                    path = None if options.memory else Path(folder, "history.arrow")
                    results.append(uvloop.run(once(schedule, workers, options.seconds, path)))
            wall, cpu = max(results)
            print(f"{(schedule.__doc__ or '').rstrip('.'):<44} {workers:>8,} {wall:>10,.0f} {cpu:>10,.0f}", flush=True)


if __name__ == "__main__":
    main()
