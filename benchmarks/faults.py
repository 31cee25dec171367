"""What faults cost on real nodes: the time to make a cluster, to swap a partition, to change a clock.

    python -m benchmarks.faults [process|docker|ssh ...]

Prints the median and the worst of each, in milliseconds; without a name, for every cluster this machine can have. What
is aimed at: processes up in 1 s and down in 0.5 s, a swap in at most 30 ms for the whole cluster, a change of a clock
in at most 1 ms, a question over SSH in at most 10 ms, packets delayed by 100 ms +- 1 ms, 10 thousand a second of them
from one node.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness.clusters.base import Shape
from harness.clusters.docker import DockerCluster
from harness.clusters.docker.node import DockerNode
from harness.clusters.process import ProcessCluster
from harness.clusters.ssh.cluster import SshCluster
from harness.errors import ClusterError
from harness.streams import Streams
from harness.target import NodeService

NODES = tuple(f"n{i}" for i in range(1, 6))
SWAPS = 30
CHANGES = 2000
QUESTIONS = 500
SHAPES = 5
DATAGRAMS = 50_000
TRIPS = 50


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


_RECEIVE = """
import socket, sys, time
s = socket.socket(type=socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
s.bind(("", 7999)); s.settimeout(1); print("bound", flush=True)
first = last = count = 0
try:
    while True:
        s.recv(2000); last = time.monotonic(); first = first or last; count += 1
except TimeoutError:
    print(count / (last - first))
"""

_SEND = """
import socket, sys
s = socket.socket(type=socket.SOCK_DGRAM)
for _ in range(int(sys.argv[2])):
    s.sendto(b"x" * 1000, (sys.argv[1], 7999))
"""

_TRIPS = """
import socket, sys, time
for _ in range(int(sys.argv[2])):
    s = socket.socket(); began = time.perf_counter(); s.connect_ex((sys.argv[1], 9))
    print((time.perf_counter() - began) * 1000)
"""


def packets_per_second(source: DockerNode, dest: DockerNode) -> float:
    """How many datagrams of 1000 bytes arrive per second, as fast as one program sends them."""
    listening = dest.entering([sys.executable, "-c", _RECEIVE])
    with subprocess.Popen(listening, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout and listener.stdout.readline()
        source.enter([sys.executable, "-c", _SEND, dest.address, str(DATAGRAMS)], b"", 60)
        return float(listener.stdout.readline())


def trips(source: DockerNode, dest: DockerNode) -> list[float]:
    """Round trips in milliseconds, from one node to a port of another where nobody listens."""
    said = source.enter([sys.executable, "-c", _TRIPS, dest.address, str(TRIPS)], b"", 60)
    return [float(line) for line in said.out.split()]


async def packets(cluster: DockerCluster) -> None:
    """Shapes, and what they do to packets."""
    network, (n1, n2, *_) = cluster.network, cluster.members.values()

    async def shape(step: int, what: Shape) -> None:
        await network.shape(f"s{step}-{what}", NODES, what)

    async def mend(step: int, what: Shape) -> None:
        await network.mend(f"s{step}-{what}")

    for name, what in (("loss", Shape(loss=0.2)), ("rate", Shape(rate_kbit=1000)), ("reorder", Shape(reorder=0.2))):
        forced, mended = [], []
        for step in range(SHAPES):
            forced += await measure(1, lambda _, step=step, what=what: shape(step, what))  # type: ignore[misc]
            mended += await measure(1, lambda _, step=step, what=what: mend(step, what))  # type: ignore[misc]
        show(f"{name} of 5 nodes in force and read back", forced)
        show(f"{name} of 5 nodes lifted", mended)
    both = {node: [other for other in NODES if other != node] for node in NODES}
    rejected = await measure(1, lambda _: network.reject("r", both))
    show("rejections among 5 nodes in force and read back", rejected)
    show("rejections lifted", await measure(1, lambda _: network.mend("r")))
    show("round trip, undisturbed", trips(n1, n2))
    free = packets_per_second(n1, n2)
    await network.shape("delay", ["n1"], Shape(delay_ms=100))
    show("round trip with 100 ms of delay", trips(n1, n2))
    delayed = packets_per_second(n1, n2)
    await network.mend("delay")
    print(f"{'datagrams of 1000 bytes a second, undisturbed':<58} {free:9,.0f}")
    print(f"{'datagrams of 1000 bytes a second, each delayed by 100 ms':<58} {delayed:9,.0f}")


async def main(cluster: DockerCluster | ProcessCluster | SshCluster) -> None:
    processes, clocks = cluster.processes, cluster.clocks
    ring = {node: [NODES[(i + 2) % 5], NODES[(i + 3) % 5]] for i, node in enumerate(NODES)}
    lifted: list[float] = []

    async def swap(step: int) -> None:
        network = cluster.network
        await network.cut(f"p{step}", ring)
        lifted.extend(await measure(1, lambda _: network.mend(f"p{step}")))

    show("5-node cluster up, its image there", await measure(1, lambda _: cluster.create(Target())))
    both = await measure(SWAPS, swap)
    show("partition in force and read back", [ms - lift for ms, lift in zip(both, lifted, strict=True)])
    show("partition lifted, counters and rules read back", lifted)
    if isinstance(cluster, SshCluster):
        agent = cluster.machines["n1"].agent
        show("question to a node over SSH, answered", await measure(QUESTIONS, lambda _: agent.call("processes.alive")))
    if isinstance(cluster, DockerCluster):  # whose nodes can be entered from here, to measure from the inside
        await packets(cluster)
    show("clock: first change of a process, which patches it", await measure(5, lambda i: clocks.skew(NODES[i], 1.0)))
    show("clock: further changes, read back", await measure(CHANGES, lambda step: clocks.skew("n1", float(step))))
    show("pause of 5 nodes", await measure(1, lambda _: processes.pause(NODES)))
    show("resume of 5 nodes", await measure(1, lambda _: processes.resume(NODES)))
    show("kill of 5 nodes", await measure(1, lambda _: processes.kill(NODES)))
    show("start of 5 nodes until they answer, clocks patched", await measure(1, lambda _: processes.start(NODES)))
    show("5-node cluster down", await measure(1, lambda _: cluster.destroy()))


CLUSTERS: dict[str, type[DockerCluster] | type[ProcessCluster] | type[SshCluster]] = {
    "process": ProcessCluster,
    "docker": DockerCluster,
    "ssh": SshCluster,
}


def machines(open_until_the_end: ExitStack) -> dict[str, Any]:
    """Options of an ssh cluster: machines to log in to, made in namespaces as for the tests."""
    sys.path.append(str(Path(__file__).parents[1] / "tests" / "harness" / "clusters"))
    import ssh_rig

    if reason := ssh_rig.problem():
        raise ClusterError(reason)
    made: dict[str, Any] = open_until_the_end.enter_context(ssh_rig.rig(len(NODES))).options()
    return made


def run(name: str) -> None:
    """Measures one kind of cluster. Raises `ClusterError` where it cannot be had."""
    chosen = CLUSTERS[name]
    if reason := chosen.probe()["available"]:
        raise ClusterError(reason)
    with ExitStack() as stack:
        options = machines(stack) if name == "ssh" else {}
        made = chosen(NODES, streams=Streams(0), run_id="benchmark", **options)
        made.run(lambda: main(made))


if __name__ == "__main__":
    if unknown := [name for name in sys.argv[1:] if name not in CLUSTERS]:
        sys.exit(f"there is no cluster {unknown[0]!r}: name some of {', '.join(CLUSTERS)}")
    for each in sys.argv[1:] or CLUSTERS:
        print(f"-- {each}")
        try:
            run(each)
        except ClusterError as problem:
            print(f"cannot measure: {problem}")
            if sys.argv[1:]:
                sys.exit(1)
