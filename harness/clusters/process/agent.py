"""The agent of a process cluster: `python3 -m harness.clusters.process.agent DESCRIPTOR`, a Unix socket to its
controller.

It is three processes deep. The first makes the namespaces and waits; on SIGTERM it kills the second. The second is the
init of the new pid namespace and does nothing but bury the dead, so whatever ends it ends all. The third is the agent
proper. When its controller hangs up it exits, and then the kernel takes away nodes, bridge, packet filter and mounts:
there is nothing that anybody could forget to undo.

The first message says what to build, and is answered once it stands. Then requests are served.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from harness.clusters.linux import cgroups, namespaces, nft, packets, vdso_self_test
from harness.clusters.linux.agent.protocol import UnixChannel, decode, encode, pack_error
from harness.clusters.linux.agent.server import Server
from harness.clusters.linux.clocks import PatchedClocks
from harness.clusters.linux.dialing import dial
from harness.clusters.linux.disks import capability as disks
from harness.clusters.linux.disks.capability import Disks
from harness.clusters.linux.disks.volume import Volume
from harness.clusters.linux.files import DataFiles
from harness.clusters.linux.host_network import HostNetwork
from harness.clusters.linux.limits import CgroupLimits
from harness.clusters.linux.network import BridgeNetwork
from harness.clusters.linux.services import Services
from harness.clusters.linux.work import to_its_end
from harness.clusters.process import rooms
from harness.clusters.process.node import RoomNode
from harness.errors import ClusterError, UsageError
from harness.target import Daemon


def main(arguments: list[str]) -> int:
    """The command line, without the program's name; returns the exit code."""
    control = socket.socket(fileno=int(arguments[0]))
    root = os.geteuid() == 0
    try:
        _enter_namespaces(root)
    except OSError as problem:
        refused = ClusterError(namespaces.refusal(problem, root=root))
        control.sendall(encode({"error": pack_error(refused)}))
        return 1
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    init = os.fork()
    if init:
        control.close()
        signal.signal(signal.SIGTERM, lambda number, frame: os.kill(init, signal.SIGKILL))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.waitpid(init, 0)
        return 0
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    namespaces.die_with_parent()
    agent = os.fork()
    if agent:
        control.close()
        while os.wait()[0] != agent:
            pass
        return 0
    return _run(control, root)


def _enter_namespaces(root: bool) -> None:
    if not root:
        namespaces.become_root_of_user_namespace()
    namespaces.unshare(namespaces.NEWNS | namespaces.NEWNET | namespaces.NEWUTS | namespaces.NEWIPC | namespaces.NEWPID)


def _run(control: socket.socket, root: bool) -> int:
    try:
        namespaces.receive_mounts_only()
        namespaces.mount_proc()
        order = _first_message(control)
        nodes = rooms.build(_plan(order))
        table = nft.Table(nft.PREFIX + order["run"], order["controller"])
        network: BridgeNetwork | HostNetwork
        network = inside = HostNetwork(nodes, table.name, table.owner)
        if nft.problem("bridge") is None:
            network = BridgeNetwork(table, inside)
            network.open({node.name: node.address for node in nodes.values()})
        powers = _powers() if order["probe"] else {}
    except OSError as problem:
        refused = ClusterError(namespaces.refusal(problem, root=root))
        control.sendall(encode({"error": pack_error(refused)}))
        return 1
    except Exception as problem:
        control.sendall(encode({"error": pack_error(problem)}))
        return 1
    control.sendall(encode({"powers": powers}))
    needs = frozenset(order["needs"])
    asyncio.run(_serve(control, nodes, network, order["run"], Path(order["directory"]), needs))
    return 0


def _first_message(control: socket.socket) -> dict[str, Any]:
    """Nothing follows it until it is answered."""
    line = bytearray()
    while not line.endswith(b"\n"):
        data = control.recv(65536)
        if not data:
            raise SystemExit(0)
        line += data
    return decode(bytes(line))


def _plan(order: Mapping[str, Any]) -> rooms.Plan:
    daemons = {node: [Daemon(**raw) for raw in given] for node, given in order["nodes"].items()}
    return rooms.Plan(daemons, Path(order["directory"]), order["environment"], order["speaks"])


def _powers() -> dict[str, str | None]:
    """See `harness.clusters.base.Cluster.probe`: what works in here, where it would be done."""
    return {
        "partition": nft.problem("bridge") and nft.problem("inet"),
        **packets.problems(),
        "kill": None,
        "pause": None,
        "memory": cgroups.problem("memory"),
        "cpu": cgroups.problem("cpu"),
        "clock": vdso_self_test.self_test(),
        **disks.problems(),
    }


async def _serve(
    control: socket.socket,
    nodes: Mapping[str, RoomNode],
    network: BridgeNetwork | HostNetwork,
    run: str,
    directory: Path,
    needs: frozenset[str],
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=len(nodes) + 8))
    locks = {name: asyncio.Lock() for name in nodes}
    clocks = PatchedClocks(nodes, locks)
    limits = CgroupLimits(nodes, locks, lambda node: cgroups.make(run, node.name))
    services = Services(nodes, locks, clocks, lambda: False, limits)
    volumes: dict[str, Volume] = {}
    broken = Disks(nodes, locks, services, volumes)
    capabilities = {
        "network": network,
        "processes": services,
        "clocks": clocks,
        "limits": limits,
        "disks": broken,
        "files": DataFiles(nodes),
        "nodes": Nodes(nodes, limits, volumes, directory, needs),
    }
    try:
        await Server(UnixChannel(control), capabilities).serve()
    finally:
        # Nobody could end who writes to a frozen disk. But for that, and for the control groups, which the controller
        # removes, nothing is put back: it all ends with this process.
        broken.close()


class Nodes:
    """What a controller asks of the nodes that is no fault."""

    def __init__(
        self,
        nodes: Mapping[str, RoomNode],
        limits: CgroupLimits,
        volumes: dict[str, Volume],
        directory: Path,
        needs: frozenset[str],
    ) -> None:
        self._nodes = nodes
        self._limits = limits
        self._volumes = volumes
        self._directory = directory
        self._needs = needs

    async def prepare(self) -> None:
        """Makes the nodes' data directories and control groups fit for the faults that will be asked for."""
        if self._needs & {cgroups.MEMORY, cgroups.CPU}:
            self._limits.prepare()
        if self._needs & disks.OF_A_VOLUME:
            making = [partial(rooms.give_volume, node, self._directory) for node in self._nodes.values()]
            self._volumes |= {made.name: made for made in await asyncio.gather(*map(to_its_end, making))}

    async def dial(self, name: str, port: int) -> socket.socket:
        """See `harness.clusters.base.Cluster`."""
        if name not in self._nodes:
            raise UsageError(f"there is no node {name!r}; nodes are {', '.join(self._nodes)}")
        return await dial(self._nodes[name].address, port)


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
