"""Prints everything that one small run did, to be compared byte by byte with the same run elsewhere: `sim_trace.py
SEED`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import sim_stores

from harness.clusters.base import Shape
from harness.clusters.sim import SimCluster
from harness.streams import Streams
from harness.target import NodeService


class Target:
    name = "registers"
    service = NodeService(f"{sim_stores.__name__}:Registers")


def trace(seed: int) -> list[str]:
    """The run's events, as lines."""
    cluster = SimCluster(nodes=["n1", "n2", "n3"], streams=Streams(seed), run_id="trace")
    lines: list[str] = []

    def note(*what: Any) -> None:
        lines.append(json.dumps([cluster.now(), *what]))

    async def client(number: int) -> None:
        connection = await cluster.connect(cluster.nodes[number % 3])
        for value in range(40):
            try:
                async with asyncio.timeout(0.4):
                    reply = await connection.call({"type": "write", "key": f"k{value % 5}", "value": [number, value]})
                    note(number, reply)
                    note(number, await connection.call({"type": "read", "key": "luck of n1"}))
            except (TimeoutError, ConnectionError) as error:
                note(number, repr(error))
            await asyncio.sleep(0.05)
        await connection.close()

    async def nemesis() -> None:
        def evidence(found: Any) -> None:
            note({node: one.to_json() for node, one in found.items()})

        await asyncio.sleep(0.3)
        evidence(await cluster.network.cut("cut", {"n1": ["n2"], "n2": ["n1"]}))
        evidence(await cluster.network.shape("shape", ["n3"], Shape(loss=0.2, duplicate=0.2, reorder=0.3, jitter_ms=3)))
        await asyncio.sleep(0.5)
        evidence(await cluster.processes.pause(["n1"]))
        await asyncio.sleep(0.2)
        evidence(await cluster.network.mend("cut"))
        evidence(await cluster.processes.resume(["n1"]))
        evidence(await cluster.processes.kill(["n2", "n3"]))
        await asyncio.sleep(0.3)
        evidence(await cluster.processes.start(["n2", "n3"]))
        evidence(await cluster.network.mend("shape"))

    async def main() -> None:
        await cluster.create(Target())  # type: ignore[arg-type]  # the cluster asks no more of a target
        await asyncio.gather(nemesis(), *(client(number) for number in range(6)))
        await cluster.destroy()

    cluster.run(main)
    for name, machine in cluster._machines.items():
        lines += [f"{name} {line}" for line in machine.lines]
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(trace(int(sys.argv[1]))))
