"""A controller for the tests to kill: makes a cluster, cuts and shapes it, skews a clock, and waits. Says which run it
is. Its argument is the lease in seconds after which the run is removed without it."""

from __future__ import annotations

import asyncio
import json
import sys

from docker_support import NODES, Target, cluster

from harness.clusters.base import Shape
from harness.clusters.docker import DockerCluster


def say(stage: str, made: DockerCluster, **more: object) -> None:
    print(json.dumps({"stage": stage, "run": made.run_name, **more}), flush=True)  # noqa: T201 - this is how it speaks


async def main(made: DockerCluster) -> None:
    try:
        say("starting", made)
        await made.create(Target())
        await made.network.cut("halves", {"n1": NODES[1:]})
        await made.network.shape("slow", NODES, Shape(delay_ms=20, loss=0.1))
        await made.clocks.skew("n2", 1000)
        await made.processes.pause(["n3"])
        pids = [pid for member in made.members.values() for pid in [*member.pids(), *member.keepers]]
        say("up", made, pids=pids)  # of those that it sees itself
        await asyncio.sleep(120)
    finally:
        await made.destroy()


if __name__ == "__main__":
    DockerCluster.lease_s = float(sys.argv[1])
    mine = cluster()
    try:
        mine.run(lambda: main(mine))
    except KeyboardInterrupt:
        sys.exit(130)
