"""Whole runs in the simulator for tests: a store, a workload and faults, and the history that comes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness._core import Recorder
from harness.clusters.sim import SimCluster
from harness.generators import any as any_of
from harness.generators import clients, nemesis, phases, sleep, time_limit
from harness.history import History
from harness.interpreter import interpret
from harness.nemesis import Nemesis
from harness.operation import PHASE, Operation
from harness.schedule import NemesisWorker, healing, schedule
from harness.streams import Streams
from harness.target import Target
from harness.toll import InForce
from harness.watchdog import WATCHDOG, Watchdog
from harness.workload import Workload
from workloads.register import Register


@dataclass(frozen=True, slots=True)
class Played:
    """A finished run: its history and, per node, the lines of its log."""

    history: History
    logs: dict[str, list[str]]


def play(
    target: Target,
    nemeses: Sequence[Nemesis] = (),
    *,
    seed: int,
    time_s: float = 20,
    settle_s: float = 5,
    nodes: int = 5,
    workload: Workload | None = None,
    keep_quorum: bool = False,
    restart: bool = False,
    look: Callable[[SimCluster], None] | None = None,
    **cluster_options: Any,
) -> Played:
    """A run in the simulator. `look` is called every 10 ms while it lasts."""
    streams = Streams(seed)
    names = [f"n{number}" for number in range(1, nodes + 1)]
    cluster = SimCluster(nodes=names, streams=streams, run_id="test", **cluster_options)
    history = perform(
        cluster,
        target,
        nemeses,
        streams=streams,
        time_s=time_s,
        settle_s=settle_s,
        workload=workload,
        keep_quorum=keep_quorum,
        restart=restart,
        look=look,
    )
    return Played(history, {name: [*machine.lines] for name, machine in cluster._machines.items()})


def perform(
    cluster: Any,
    target: Target,
    nemeses: Sequence[Nemesis] = (),
    *,
    streams: Streams,
    time_s: float,
    settle_s: float,
    workload: Workload | None = None,
    keep_quorum: bool = False,
    restart: bool = False,
    look: Callable[[SimCluster], None] | None = None,
) -> History:
    """A run with all its phases on any cluster, as `splitbrain run` makes one."""
    names = list(cluster.nodes)
    work: Any = workload or Register()
    recorder = Recorder(None)
    in_force = InForce(names, keep_quorum=keep_quorum)
    workers = [NemesisWorker(each, cluster, target, in_force) for each in nemeses]
    watchdog = Watchdog(cluster, in_force, lambda: cluster.now() - started[0], restart=restart)
    started = [0]

    async def main() -> None:
        await cluster.create(target, frozenset().union(*(each.needs for each in nemeses)))
        await target.ready(cluster)
        for worker in workers:
            await worker.nemesis.setup(cluster)

        async def value(op: Operation) -> Any:
            if op.value == "end":
                watchdog.end()
            return op.value

        epoch = started[0] = cluster.now()
        watching = asyncio.create_task(watchdog.watch())
        looking = asyncio.create_task(_look_for_ever(cluster, look)) if look else None
        await interpret(
            any_of(
                phases(
                    _mark("load"),
                    time_limit(
                        time_s, any_of(clients(work.generator()), *(schedule(each, streams) for each in nemeses))
                    ),
                    _mark("heal"),
                    healing(workers),
                    _mark("settle"),
                    sleep(settle_s),
                    _mark("final"),
                    clients(work.final()),
                    _mark("end"),
                ),
                watchdog.operations(),
            ),
            recorder=recorder,
            nodes=names,
            concurrency=work.concurrency,
            clients=lambda node: target.client(work.name, cluster, node),
            now=lambda: cluster.now() - epoch,
            random=streams.stream("ops"),
            nemeses={
                "harness": value,
                **{worker.nemesis.family: worker.perform for worker in workers},
                WATCHDOG: watchdog.perform,
            },
        )
        for worker in workers:
            await worker.heal_all()
        watching.cancel()
        if looking:
            looking.cancel()

    cluster.run(main)
    return History(recorder.history())


async def _look_for_ever(cluster: SimCluster, look: Callable[[SimCluster], None]) -> None:
    while True:
        look(cluster)
        await asyncio.sleep(0.01)


def _mark(phase: str) -> Any:
    return nemesis("harness", Operation(PHASE, value=phase))
