"""What the harness costs on a real cluster: operations per second through it, and by the bare clients.

    python -m benchmarks.overhead [etcd|redis ...] [--seconds 5] [--pairs 5] [--workers 10]

Three nodes in namespaces, one cluster for all of it. Both sides have as many workers with the same clients, each asking
as fast as it is answered; one draws reads and writes in a loop and forgets the answers, the other runs the register
workload: generator, deadlines, every event recorded and flushed. Rounds of both alternate, and the median of the
ratios of neighbours counts, so that whatever else the machine does falls on both. What is aimed at: at least 80 % of
the bare clients' throughput.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.interpreter import AT_ONCE_S, FLUSH_S, KEYS
from harness._core import Recorder
from harness.clusters.process import ProcessCluster
from harness.generators import clients, time_limit
from harness.interpreter import interpret
from harness.operation import Operation, Type
from harness.streams import Streams
from targets.etcd import etcd
from targets.redis import redis
from workloads.register import Register

NODES = ("n1", "n2", "n3")
TARGETS: dict[str, Callable[[], Any]] = {"etcd": etcd, "redis": redis}
SHARES = {"read": 5, "write": 4}
"""Of the register workload, without what a bare loop would have to copy of its logic."""


async def bare(target: Any, cluster: ProcessCluster, workers: int, seconds: float) -> float:
    """Operations per second of the clients alone."""
    done = [0] * workers
    until = time.perf_counter() + seconds

    async def work(number: int) -> None:
        random = Random(number)
        client = target.client("register", cluster, NODES[number % len(NODES)])
        await client.open()
        try:
            while time.perf_counter() < until:
                read = random.random() * sum(SHARES.values()) < SHARES["read"]
                key = int(random.random() * KEYS)
                op = Operation("read", key) if read else Operation("write", key, done[number] * workers + number)
                await client.invoke(op)
                done[number] += 1
        finally:
            await client.close()

    began = time.perf_counter()
    await asyncio.gather(*(work(number) for number in range(workers)))
    return sum(done) / (time.perf_counter() - began)


async def through_the_harness(target: Any, cluster: ProcessCluster, workers: int, seconds: float, path: Path) -> float:
    """Operations per second that succeed in a run."""
    recorder = Recorder(str(path))

    async def flush() -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            recorder.flush()

    flushing = asyncio.create_task(flush())
    load = Register(rate=1 / AT_ONCE_S, keys=KEYS, mix=SHARES, concurrency=workers).generator()
    began = time.perf_counter()
    tally = await interpret(
        clients(time_limit(seconds, load)),
        recorder=recorder,
        nodes=NODES,
        concurrency=workers,
        clients=lambda node: target.client("register", cluster, node),
        nemeses={},
        now=time.monotonic_ns,
        random=Random(7),
        timeout_ns=2_000_000_000,
    )
    took_s = time.perf_counter() - began
    flushing.cancel()
    recorder.close()
    return tally.events[Type.OK] / took_s


async def compare(target: Any, cluster: ProcessCluster, options: argparse.Namespace) -> None:
    """Prints the rounds' medians and the ratio."""
    rounds = []
    try:
        await cluster.create(target)
        await target.ready(cluster)
        await bare(target, cluster, options.workers, 1)  # the first round would pay for what is cold
        with tempfile.TemporaryDirectory() as folder:
            for number in range(options.pairs):
                alone = await bare(target, cluster, options.workers, options.seconds)
                path = Path(folder, f"{number}.arrow")
                rounds.append(
                    (alone, await through_the_harness(target, cluster, options.workers, options.seconds, path))
                )
    finally:
        await cluster.destroy()
    alone, within = (statistics.median(column) for column in zip(*rounds, strict=True))
    share = statistics.median(harness / bare_ for bare_, harness in rounds)
    print(f"{target.name:<8} {options.workers:>8} {alone:>14,.0f} {within:>14,.0f} {share:>8.0%}", flush=True)


def main() -> None:
    """One line per system."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="etcd|redis", help="default: both")
    parser.add_argument("--seconds", type=float, default=5, help="length of a round")
    parser.add_argument("--pairs", type=int, default=5, help="rounds of each kind")
    parser.add_argument("--workers", type=int, default=10, help="clients at once")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"{unknown.pop()} is none of {', '.join(TARGETS)}")
    if reason := ProcessCluster.probe()["available"]:
        sys.exit(f"cannot measure: {reason}")
    print(f"{'system':<8} {'workers':>8} {'bare ops/s':>14} {'harness ops/s':>14} {'share':>8}")
    for name in options.targets or TARGETS:
        cluster = ProcessCluster(NODES, streams=Streams(0), run_id="benchmark")
        cluster.run(lambda cluster=cluster, name=name: compare(TARGETS[name](), cluster, options))  # type: ignore[misc]


if __name__ == "__main__":
    main()
