"""A controller for the tests to kill: makes a process cluster, breaks it, and waits. Says which run it is."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

here = Path(__file__).parent
sys.path[:0] = [str(here), str(here.parents[2])]

from process_support import NODES, Target, cluster  # noqa: E402 - the path comes first

from harness.clusters.linux import ledger  # noqa: E402
from harness.clusters.process import ProcessCluster  # noqa: E402
from harness.errors import ClusterError  # noqa: E402


def say(stage: str, made: ProcessCluster, **more: object) -> None:
    print(json.dumps({"stage": stage, "run": made.run_name, **more}), flush=True)  # noqa: T201 - this is how it speaks


async def main(made: ProcessCluster) -> None:
    try:
        say("starting", made)
        await made.create(Target())
        await made.network.cut("halves", {"n1": NODES[1:]})
        await made.clocks.skew("n2", 1000)
        await made.processes.pause(["n3"])
        [record] = [record for record in ledger.records() if record.run == made.run_name]
        say("up", made, agent=int(record.agent.split(":")[2]))
        while True:
            await asyncio.sleep(0.05)
            await made.clocks.offsets()
    except ClusterError as problem:
        say("lost", made, problem=str(problem))
    finally:
        await made.destroy()


if __name__ == "__main__":
    if sys.argv[1:] == ["sweep"]:
        print(json.dumps(ProcessCluster.sweep()))  # noqa: T201
        sys.exit(0)
    mine = cluster()
    try:
        mine.run(lambda: main(mine))
    except KeyboardInterrupt:
        sys.exit(130)
