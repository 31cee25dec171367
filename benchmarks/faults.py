"""What faults cost on containers: the time to make a cluster, to swap a partition, to change a clock. Needs root and a
Docker engine.

Prints the median and the worst of each, in milliseconds, and what is aimed at: a swap in at most 30 ms for the whole
cluster, a change of a clock in at most 1 ms.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from harness.clusters.docker import DockerCluster
from harness.streams import Streams
from harness.target import NodeService

NODES = tuple(f"n{i}" for i in range(1, 6))
SWAPS = 30
CHANGES = 2000


class Target:
    """Any store on the node runtime would do: what is measured does not depend on it."""

    name = "raft"
    service = NodeService("targets.toys.raft:Raft")


async def measure(rounds: int, act: Callable[[int], Awaitable[object]]) -> list[float]:
    """Milliseconds that each round took."""
    took = []
    for step in range(rounds):
        began = time.perf_counter()
        await act(step)
        took.append((time.perf_counter() - began) * 1000)
    return took


def show(what: str, took_ms: list[float]) -> None:
    print(f"{what:<58} {statistics.median(took_ms):9.3f} ms median {max(took_ms):9.3f} ms worst")


async def main(cluster: DockerCluster) -> None:
    processes, clocks = cluster.processes, cluster.clocks
    ring = {node: [NODES[(i + 2) % 5], NODES[(i + 3) % 5]] for i, node in enumerate(NODES)}
    lifted: list[float] = []

    async def swap(step: int) -> None:
        network = cluster.network
        assert network is not None, "a swap cannot be measured without nftables"
        await network.cut(f"p{step}", ring)
        lifted.extend(await measure(1, lambda _: network.mend(f"p{step}")))

    show("5-node cluster up, image there", await measure(1, lambda _: cluster.create(Target())))
    both = await measure(SWAPS, swap)
    show("partition in force and read back", [ms - lift for ms, lift in zip(both, lifted, strict=True)])
    show("partition lifted, counters and rules read back", lifted)
    show("clock: first change of a process, which patches it", await measure(5, lambda i: clocks.skew(NODES[i], 1.0)))
    show("clock: further changes, read back", await measure(CHANGES, lambda step: clocks.skew("n1", float(step))))
    show("pause of 5 nodes", await measure(1, lambda _: processes.pause(NODES)))
    show("resume of 5 nodes", await measure(1, lambda _: processes.resume(NODES)))
    show("kill of 5 nodes", await measure(1, lambda _: processes.kill(NODES)))
    show("start of 5 nodes until they answer, clocks patched", await measure(1, lambda _: processes.start(NODES)))
    show("5-node cluster down", await measure(1, lambda _: cluster.destroy()))


if __name__ == "__main__":
    if reason := DockerCluster.probe()["available"]:
        sys.exit(f"cannot measure: {reason}")
    made = DockerCluster(NODES, streams=Streams(0), run_id="benchmark")
    made.run(lambda: main(made))
