"""The process cluster: nodes in namespaces of this machine, as root or as anybody.

Everything is made by an agent within namespaces of its own (see `agent`), and ends with it. On disk are the nodes' data
and logs, named by the run's record before they are made.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from harness.clusters.base import CAPABILITIES
from harness.clusters.linux import cgroups, ledger, logs, loop, naming
from harness.clusters.linux.agent.protocol import UnixChannel
from harness.clusters.linux.agent.proxies import (
    RemoteClocks,
    RemoteDisks,
    RemoteFiles,
    RemoteLimits,
    RemoteNetwork,
    RemoteProcesses,
)
from harness.clusters.linux.agent.remote import Agent
from harness.clusters.linux.disks import volume
from harness.clusters.linux.identity import Identity
from harness.clusters.linux.programs import PORT, programs
from harness.clusters.linux.work import to_its_end
from harness.clusters.process import rooms
from harness.clusters.process.launch import AgentProcess, end_orphan, environment
from harness.errors import ClusterError, HarnessError, Unsupported, UsageError
from harness.node.connection import TcpConnection
from harness.target import CommandService, NodeService, Service

if TYPE_CHECKING:
    from harness.streams import Streams
    from harness.target import Target

T = TypeVar("T")

NAME = "process"


class ProcessCluster:
    """Each node has a network, mounts, processes and a host name of its own; its programs are this machine's."""

    name: ClassVar[str] = NAME

    def __init__(self, nodes: Sequence[str], streams: Streams, run_id: str) -> None:
        naming.check_nodes(nodes, NAME)
        self.nodes = tuple(nodes)
        self.run_id = run_id
        self._record = ledger.Record(naming.new_run(), NAME, str(Identity.own()))
        self._epoch_ns = time.monotonic_ns()
        self._stop = threading.Event()
        self._working = threading.Lock()
        """Held by whichever thread makes or removes things, so that removal begins when making has ended."""
        self._process = AgentProcess()
        self._agent = Agent()
        self._clients_made = 0
        self.network = RemoteNetwork(self._agent)
        self.processes = RemoteProcesses(self._agent)
        self.clocks = RemoteClocks(self._agent)
        self.limits = RemoteLimits(self._agent)
        self.disks = RemoteDisks(self._agent)
        self.files = RemoteFiles(self._agent)

    @property
    def run_name(self) -> str:
        """The short name of this run, which everything it makes on the machine bears."""
        return self._record.run

    @classmethod
    def probe(cls) -> Mapping[str, str | None]:
        """Makes a cluster of one node, asks there, and removes it: what refuses namespaces is found only by trying."""
        if not sys.platform.startswith("linux"):
            return dict.fromkeys(("available", *CAPABILITIES), "it needs Linux")
        trial = cls(["n1"], None, "probe")  # type: ignore[arg-type]  # it draws nothing
        try:
            powers: Mapping[str, str | None] = trial._build({"n1": []}, speaks=False, probe=True)["powers"]
        except HarnessError as problem:
            return dict.fromkeys(("available", *CAPABILITIES), str(problem))
        finally:
            trial._remove()
        return {"available": None, **powers}

    @classmethod
    def sweep(cls) -> list[str]:
        """See `harness.clusters.base.Cluster`. Namespaces of a dead run have ended with its agent: what is left is its
        control groups and files."""
        if not sys.platform.startswith("linux"):
            return []
        removed = []
        for record in ledger.records():
            if record.cluster == NAME and not record.identity.alive():
                volume.thaw_below(record.scratch)
                if record.agent and (end := end_orphan(Identity.parse(record.agent))):
                    removed.append(end)
                removed += cgroups.remove(record.run)
                volume.wait_released(record.scratch)
                ledger.strike(record)
                removed += [f"files {record.scratch}", f"undo record {record.directory}"]
        return removed

    def now(self) -> int:
        return time.monotonic_ns() - self._epoch_ns

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """See `harness.clusters.linux.loop.run`."""
        return loop.run(main, self._remove, threads=len(self.nodes) + 8)

    async def create(self, target: Target, needs: frozenset[str] = frozenset()) -> None:
        service = getattr(target, "service", None)
        if not isinstance(service, NodeService | CommandService):
            raise Unsupported(f"{target.name} has nothing that a process cluster could run")
        _check_programs(target.name, service)
        by_name = rooms.by_name(list(self.nodes))
        nodes = {
            node: [
                asdict(program)
                for program in programs(
                    service,
                    node,
                    by_name,
                    data=str(rooms.home(self._record.scratch, node)),
                    python=sys.executable,
                )
            ]
            for node in self.nodes
        }
        build = partial(self._build, nodes, speaks=isinstance(service, NodeService), needs=needs)
        await to_its_end(build, hurry=self._stop.set)
        self._agent.attach(UnixChannel(self._process.control()))
        await self._agent.call("nodes.prepare")
        await self.processes.start(self.nodes)

    async def connect(self, node: str) -> TcpConnection:
        self._check(node)
        connection = TcpConnection(
            node, PORT, source=f"c{self._clients_made}", dest=node, connect=partial(self.dial, node, PORT)
        )
        self._clients_made += 1
        await connection.dial()
        return connection

    async def dial(self, node: str, port: int) -> socket.socket:
        """See `harness.clusters.base.Cluster`. The agent connects, from within its network, and hands the socket
        over."""
        self._check(node)
        made: socket.socket = await self._agent.call("nodes.dial", node, port)
        return made

    async def collect_logs(self, directory: Path) -> None:
        await asyncio.gather(
            *(
                to_its_end(partial(_copy_logs, rooms.logs(self._record.scratch, node), directory / node))
                for node in self.nodes
            )
        )

    async def destroy(self) -> None:
        self._agent.close()
        await to_its_end(self._remove)

    def _build(
        self,
        nodes: Mapping[str, Sequence[Mapping[str, Any]]],
        *,
        speaks: bool,
        needs: frozenset[str] = frozenset(),
        probe: bool = False,
    ) -> dict[str, Any]:
        """Starts the agent and has it make the nodes' namespaces. Blocks for some tenths of a second."""
        with self._working:
            self._go_on()
            ledger.write(self._record)
            directory = ledger.make_scratch(self._record)
            self._process.spawn(directory / "agent.log")
            self._record = ledger.amend(self._record, agent=str(self._process.identity))
            self._go_on()
            return self._process.build(
                {
                    "run": self._record.run,
                    "controller": self._record.controller,
                    "directory": str(directory),
                    "nodes": nodes,
                    "environment": environment(),
                    "speaks": speaks,
                    "needs": sorted(needs),
                    "probe": probe,
                }
            )

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise ClusterError("the run was stopped while its cluster was being made")

    def _remove(self) -> None:
        self._stop.set()
        self._agent.close()
        with self._working:
            # Its freezers die with it, and then nobody could end who writes to what they froze.
            volume.thaw_below(self._record.scratch)
            self._process.end()
            volume.wait_released(self._record.scratch)
            cgroups.remove(self._record.run)
            if self._record.directory.exists():
                ledger.strike(self._record)

    def _check(self, node: str) -> None:
        if node not in self.nodes:
            raise UsageError(f"there is no node {node!r} to connect to; nodes are {', '.join(self.nodes)}")


def _check_programs(target: str, service: Service) -> None:
    """Raises `Unsupported` when this machine lacks a program."""
    if isinstance(service, CommandService):
        path = environment()["PATH"]
        missing = [program for program in service.programs if shutil.which(program, path=path) is None]
        if missing:
            raise Unsupported(
                f"{target} needs {', '.join(missing)} on this machine (on Debian: apt-get install "
                f"{' '.join(service.packages)})"
            )


def _copy_logs(source: Path, directory: Path) -> None:
    try:
        logs.copy(source, directory)
    except OSError as problem:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "node.log").write_text(f"splitbrain: no log could be fetched: {problem}\n", encoding="utf-8")
