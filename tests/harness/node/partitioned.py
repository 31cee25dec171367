"""Cuts two real nodes apart and mends it, in network namespaces of its own: run it under `unshare --net --mount`.

Prints JSON: for how many milliseconds each node had heard nothing of the other at the end of the cut, and how many
milliseconds after mending both heard each other again.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

from harness.node.connection import TcpConnection

CUT_S = 3.0
GIVE_UP_S = 30.0
NEAR, FAR = "198.18.0.1", "198.18.0.2"

SETUP = f"""
mount -t tmpfs tmpfs /run
mkdir /run/netns
ip netns add far
ip link set lo up
ip link add near0 type veth peer name far0 netns far
ip addr add {NEAR}/30 dev near0
ip link set near0 up
ip -n far addr add {FAR}/30 dev far0
ip -n far link set far0 up
nft add table inet cut
nft add chain inet cut in {{ type filter hook input priority 0; }}
nft add chain inet cut out {{ type filter hook output priority 0; }}
"""


def shell(command: str) -> None:
    subprocess.run(command.split(), check=True)


def start(name: str, folder: str, *prefix: str) -> subprocess.Popen[bytes]:
    peers = f"near={NEAR}:8000,far={FAR}:8000"
    command = [*prefix, sys.executable, "-m", "harness.node", "node_stores:Chatter", "--name", name, "--peers", peers]
    address = {"near": NEAR, "far": FAR}[name]
    return subprocess.Popen([*command, "--listen", f"{address}:8000", "--data", f"{folder}/{name}"])


async def silences(node: TcpConnection) -> tuple[float, float]:
    """Milliseconds since `near` heard of `far`, and, by the last that `far` said, the other way round."""
    reply: dict[str, Any] = await node.call({"type": "silences"})
    return reply["mine"], reply["mine"] + reply["theirs"]


async def mended(node: TcpConnection) -> float:
    began = time.monotonic()
    for _ in range(round(GIVE_UP_S / 0.01)):
        if max(await silences(node)) < 200:
            break
        await asyncio.sleep(0.01)
    return (time.monotonic() - began) * 1000


async def experiment() -> dict[str, list[float]]:
    node = TcpConnection(NEAR, 8000, source="c1", dest="near")
    while True:
        try:
            if max(await silences(node)) < 200:
                break
        except ConnectionError:
            pass
        await asyncio.sleep(0.05)
    results = {}
    for name, rules in {"both": ("in ip saddr", "out ip daddr"), "one way": ("in ip saddr",)}.items():
        for rule in rules:
            shell(f"nft add rule inet cut {rule} {FAR} drop")
        await asyncio.sleep(CUT_S)
        silent = await silences(node)
        shell("nft flush chain inet cut in")
        shell("nft flush chain inet cut out")
        results[name] = [*silent, await mended(node)]
        await asyncio.sleep(0.5)
    await node.close()
    return results


def main() -> None:
    for command in SETUP.strip().splitlines():
        shell(command)
    with tempfile.TemporaryDirectory() as folder:
        nodes = [start("near", folder), start("far", folder, "ip", "netns", "exec", "far")]
        try:
            sys.stdout.write(json.dumps(asyncio.run(experiment())))
        finally:
            for node in nodes:
                node.kill()
                node.wait()


if __name__ == "__main__":
    main()
