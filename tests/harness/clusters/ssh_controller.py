"""A controller for the tests to kill: makes an ssh cluster, breaks it, and waits. Says which run it is."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

here = Path(__file__).parent
sys.path[:0] = [str(here), str(here.parents[2])]

from ssh_rig import Target  # noqa: E402 - the path comes first

from harness.clusters.base import Shape  # noqa: E402
from harness.clusters.ssh.cluster import SshCluster  # noqa: E402
from harness.streams import Streams  # noqa: E402


async def main(made: SshCluster) -> None:
    try:
        await made.create(Target(), frozenset({"memory"}))
        await made.network.cut("p", {"n1": ["n2", "n3"]})
        await made.network.shape("r", ["n2"], Shape(rate_kbit=1000))
        await made.network.shape("d", ["n3"], Shape(delay_ms=20))
        await made.limits.limit("m", ["n1"], memory_bytes=200 << 20)
        await made.clocks.skew("n2", 1000)
        await made.processes.pause(["n3"])
        print(json.dumps({"run": made.run_name}), flush=True)  # noqa: T201 - this is how it speaks
        await asyncio.sleep(600)
    finally:
        await made.destroy()


if __name__ == "__main__":
    mine = SshCluster(("n1", "n2", "n3"), streams=Streams(7), run_id="test", **json.loads(sys.argv[1]))
    try:
        mine.run(lambda: main(mine))
    except KeyboardInterrupt:
        sys.exit(130)
