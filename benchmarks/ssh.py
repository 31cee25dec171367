"""What machines over SSH cost: the way to them, and faults beside what a bare SSH library needs for one command.

    PYTHONPATH=. python benchmarks/ssh.py

As root: five machines in namespaces, each with an sshd. Prints the median and the worst in milliseconds. What is aimed
at: a command, the way there included, in at most 10 ms. The five share this machine's processors: what all of them do
at once (to get ready, to swap a partition) takes longer here than on machines of their own.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / "harness" / "clusters")]

import ssh_rig  # noqa: E402 - the path comes first
from ssh_rig import Rig  # noqa: E402

from harness.clusters.ssh.cluster import SshCluster  # noqa: E402
from harness.streams import Streams  # noqa: E402
from harness.target import NodeService  # noqa: E402

NODES = tuple(f"n{i}" for i in range(1, 6))
COMMANDS = 300
SWAPS = 30


class Target:
    """Any store on the node runtime would do."""

    name = "raft"
    service = NodeService("targets.toys.raft:Raft")


def show(what: str, took_ms: list[float]) -> None:
    print(f"{what:<66} {statistics.median(took_ms):9.3f} ms median {max(took_ms):9.3f} ms worst")


async def measure(rounds: int, act: Callable[[int], Awaitable[object]]) -> list[float]:
    """Milliseconds that each round took."""
    took = []
    for step in range(rounds):
        began = time.perf_counter()
        await act(step)
        took.append((time.perf_counter() - began) * 1000)
    return took


def bare(rig: Rig) -> None:
    """paramiko as it is used out of the box: a channel for each command, and its own socket."""
    import paramiko

    client = paramiko.SSHClient()
    client.load_host_keys(str(rig.known_hosts))
    address = rig.machines["n1"].address
    client.connect(address, username="root", key_filename=str(rig.key), allow_agent=False, look_for_keys=False)
    took = []
    for _ in range(COMMANDS // 3):
        began = time.perf_counter()
        _, out, _ = client.exec_command("true")
        out.channel.recv_exit_status()
        took.append((time.perf_counter() - began) * 1000)
    client.close()
    show("paramiko alone: `true` on one machine", took)


async def faults(made: SshCluster) -> None:
    agent = made.machines["n1"].agent

    async def command(step: int) -> Any:
        return await agent.call("processes.alive")

    async def swap(step: int) -> None:
        if step:
            await made.network.mend(f"p{step - 1}")
        cut = NODES[step % 5]
        await made.network.cut(f"p{step}", {node: [cut] for node in NODES if node != cut})

    show("a question to one machine's agent, answered", await measure(COMMANDS, command))
    show("a clock changed on one machine, and read back", await measure(COMMANDS, lambda i: made.clocks.skew("n1", i)))
    show("a partition of 5 machines swapped (lifted and made), read back", await measure(SWAPS, swap))
    await made.network.mend(f"p{SWAPS - 1}")


def main() -> None:
    with ssh_rig.rig(5) as rig:
        bare(rig)
        made = SshCluster(NODES, streams=Streams(7), run_id="benchmark", **rig.options())

        async def live() -> None:
            try:
                show("5 machines ready, the store started", await measure(1, lambda _: made.create(Target())))
                await faults(made)
            finally:
                show("5 machines as they were", await measure(1, lambda _: made.destroy()))

        made.run(live)


if __name__ == "__main__":
    main()
