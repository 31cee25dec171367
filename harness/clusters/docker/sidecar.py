"""The agent in a sidecar: a container in the network and pid namespace of a node's, which may do there what whoever may
use the engine, but is not root on this machine, cannot do from outside.

It sees the node's processes under its own /proc, and the node's files through /proc/1/root. So it starts programs by
`chroot` to there: they get the node's network, host name, pids and file system as if the engine had started them, and
none of the sidecar's own rights. What it lacks are mounts and control groups: whatever needs these needs root.

`python3 -m harness.clusters.docker.sidecar`; see `harness.clusters.linux.agent.beside` for what it is told first.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.clusters.docker import launch
from harness.clusters.docker.launch import DATA, LOGS
from harness.clusters.linux import commands, nft, packets, processes, status, vdso_self_test
from harness.clusters.linux.agent import beside
from harness.clusters.linux.clocks import PatchedClocks
from harness.clusters.linux.disks import capability as disks
from harness.clusters.linux.disks.capability import Disks
from harness.clusters.linux.files import DataFiles
from harness.clusters.linux.host_network import HostNetwork
from harness.clusters.linux.node import Done, ServiceNode
from harness.clusters.linux.services import Services
from harness.errors import ClusterError
from harness.target import Daemon

ROOT = Path("/proc/1/root")
"""The node's files."""

_LESS = ("setpriv", "--no-new-privs", "--bounding-set=-net_admin,-sys_ptrace")
_CHROOT = ("chroot", str(ROOT))

CANNOT = "it takes root on this machine: a sidecar has no mounts and control groups of the nodes"

TAIL_LINES = 10
TAIL_BYTES = 16384


@dataclass(frozen=True, slots=True)
class Peer:
    """Another node: from here, an address."""

    name: str
    address: str


@dataclass(slots=True)
class NeighbourNode:
    """A `harness.clusters.linux.node.ServiceNode`, seen from the sidecar of its container.

    Its processes are those with its file system as their root; the sidecar's own have another."""

    name: str
    address: str
    daemons: Sequence[Daemon]
    speaks: bool
    port: int = field(init=False)
    keepers: frozenset[int] = field(default_factory=frozenset)
    """The container's init and the sleeper."""
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = self.daemons[0].port if self.daemons else 0

    def settle(self) -> None:
        """Finds the processes that keep the container alive, before there are any others. Raises `ClusterError`."""
        deadline = time.monotonic() + launch.SETTLE_TIMEOUT_S
        while time.monotonic() < deadline:
            if len(found := self.pids()) > 1:
                self.keepers = frozenset(found)
                return
            time.sleep(launch.POLL_S)
        raise ClusterError(f"the container of {self.name} does not come to life, or cannot be seen from its sidecar")

    @property
    def data(self) -> Path:
        """See `ServiceNode`."""
        return ROOT / DATA.lstrip("/")

    def pids(self) -> list[int]:
        """See `ServiceNode`."""
        self._started = [program for program in self._started if program.poll() is None]
        own = _root_of("self")
        return sorted(
            pid
            for pid in map(int, filter(str.isdigit, os.listdir("/proc")))  # noqa: PTH208 - names are all that is wanted
            if pid not in self.keepers and _root_of(str(pid)) not in (None, own) and processes.alive(pid)
        )

    def launch(self) -> list[int]:
        """See `ServiceNode`."""
        return [self._start(daemon) for daemon in self.daemons]

    def answers(self) -> bool:
        """See `ServiceNode`."""
        if self.speaks:
            return status.ask(self.name, self.address, self.port) is not None
        return all(status.accepts(self.address, daemon.port) for daemon in self.daemons)

    def wall_ns(self) -> int | None:
        """See `ServiceNode`."""
        return status.wall_ns(self.name, self.address, self.port) if self.speaks else None

    def log_tail(self) -> str:
        """See `ServiceNode`."""
        return "\n".join(
            filter(None, map(_tail, (ROOT / LOGS.lstrip("/") / f"{one.name}.log" for one in self.daemons)))
        )

    def entering(self, argv: Sequence[str]) -> list[str]:
        """See `ServiceNode`. This is the node's network namespace."""
        return list(argv)

    def enter(self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 10.0) -> Done:
        """See `ServiceNode`."""
        return commands.run(argv, stdin, timeout_s)

    def _start(self, daemon: Daemon) -> int:
        try:
            program = subprocess.Popen(
                [*_LESS, *_CHROOT, *launch.command_line(daemon)],
                env={**_environment(), "HOME": DATA, **daemon.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as problem:
            raise ClusterError(f"{daemon.name} cannot be started on {self.name}: {problem.strerror}") from problem
        self._started.append(program)
        launch.wait_for_program(program.pid, _LESS, _CHROOT)
        return program.pid


def _root_of(process: str) -> tuple[int, int] | None:
    """What a process has as its root directory; None when it is gone."""
    try:
        found = os.stat(f"/proc/{process}/root")  # noqa: PTH116 - a link that only the kernel can follow
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return found.st_dev, found.st_ino


def _environment() -> dict[str, str]:
    """What the engine gave the container's first process."""
    words = Path("/proc/1/environ").read_bytes().decode("utf-8", "replace").split("\0")
    return {name: value for name, _, value in (word.partition("=") for word in words if word)}


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def powers() -> dict[str, str | None]:
    """See `harness.clusters.base.Cluster.probe`: what works in a sidecar."""
    return {
        "partition": nft.problem("inet"),
        **packets.problems(),
        "kill": None,
        "pause": None,
        "memory": CANNOT,
        "cpu": CANNOT,
        "clock": vdso_self_test.self_test(),
        **{need: CANNOT if need in disks.OF_A_VOLUME else disks.problem(need) for need in disks.NEEDS},
    }


async def assemble(order: Mapping[str, Any]) -> beside.Assembled:
    """The order: `run`, `controller`, `node`, `addresses` of all nodes, `daemons`, `speaks`, and whether to `probe`."""
    name, by_name = order["node"], order["addresses"]
    node = NeighbourNode(name, by_name[name], [Daemon(**raw) for raw in order["daemons"]], order["speaks"])
    await asyncio.to_thread(node.settle)
    nodes: dict[str, Any] = {other: Peer(other, address) for other, address in by_name.items()} | {name: node}
    own: dict[str, ServiceNode] = {name: node}
    locks = {name: asyncio.Lock()}
    clocks = PatchedClocks(own, locks)
    services = Services(own, locks, clocks, lambda: False)
    broken = Disks(own, locks, services, {})
    network = HostNetwork(nodes, nft.PREFIX + order["run"], order["controller"], here=name)

    def close() -> None:
        broken.close()
        network.close()

    capabilities = {
        "network": network,
        "processes": services,
        "clocks": clocks,
        "disks": broken,
        "files": DataFiles(own),
    }
    found = await asyncio.to_thread(powers) if order["probe"] else {}
    return beside.Assembled(capabilities, found, close)


if __name__ == "__main__":
    sys.exit(beside.run(assemble))
