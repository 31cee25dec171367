"""The ssh cluster: nodes on machines that somebody named, and that outlive the run.

The controller keeps one connection open to each machine, through which an agent is brought there and asked (see
`agent`). Clients reach the nodes directly. A connection that is lost ends what its agent did; it is made anew once, and
the node's service started again on its data, unless it was killed on purpose.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import threading
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from harness.clusters.base import CAPABILITIES
from harness.clusters.linux import logs, loop, naming
from harness.clusters.linux.agent.proxies import (
    RemoteClocks,
    RemoteDisks,
    RemoteFiles,
    RemoteLimits,
    RemoteNetwork,
    RemoteProcesses,
)
from harness.clusters.linux.beside import SpreadClocks, SpreadDisks, SpreadFiles, SpreadLimits, SpreadProcesses
from harness.clusters.linux.dialing import dial
from harness.clusters.linux.identity import Identity
from harness.clusters.linux.programs import PORT, programs
from harness.clusters.linux.spread import SpreadNetwork
from harness.clusters.linux.work import to_its_end
from harness.clusters.process import rooms
from harness.clusters.ssh import connection, remains, upload
from harness.clusters.ssh.hosts import Settings
from harness.clusters.ssh.machine import Machine
from harness.errors import ClusterError, HarnessError, SplitbrainError, Unsupported, UsageError
from harness.node.connection import TcpConnection
from harness.target import CommandService, NodeService

if TYPE_CHECKING:
    from harness.streams import Streams
    from harness.target import Target

T = TypeVar("T")
R = TypeVar("R")

LOG_CHUNK = 1 << 20
"""How much of a log is fetched at a time."""


class SshCluster:
    """Options: see `harness.clusters.ssh.hosts.KNOWN`. One machine per node, in their order."""

    name: ClassVar[str] = "ssh"

    def __init__(self, nodes: Sequence[str], streams: Streams, run_id: str, **options: Any) -> None:
        self.check_options(nodes, options)
        settings = self._settings = Settings.of(options)
        self.nodes = tuple(nodes)
        self.run_id = run_id
        self.run_name = naming.new_run()
        """What everything of this run is called on the machines."""
        self._epoch_ns = time.monotonic_ns()
        self._stop = threading.Event()
        self._working = threading.Lock()
        """Held by whichever thread makes or removes things, so that removal begins when making has ended."""
        self._program = b""
        self._orders: dict[str, dict[str, Any]] = {}
        self._addresses: dict[str, str] = {}
        self._clients_made = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.machines = {
            node: Machine(host, settings.access, self.run_name, lease_s=settings.lease_s)
            for node, host in zip(self.nodes, settings.hosts, strict=True)
        }
        agents = {node: machine.agent for node, machine in self.machines.items()}
        self.network = SpreadNetwork({node: RemoteNetwork(agent) for node, agent in agents.items()})
        self.processes = SpreadProcesses({node: RemoteProcesses(agent) for node, agent in agents.items()})
        self.clocks = SpreadClocks({node: RemoteClocks(agent) for node, agent in agents.items()})
        self.limits = SpreadLimits({node: RemoteLimits(agent) for node, agent in agents.items()})
        self.disks = SpreadDisks({node: RemoteDisks(agent) for node, agent in agents.items()})
        self.files = SpreadFiles({node: RemoteFiles(agent) for node, agent in agents.items()})

    @classmethod
    def check_options(cls, nodes: Sequence[str], options: Mapping[str, Any]) -> None:
        """See `harness.clusters.base.ChecksOptions`."""
        naming.check_nodes(nodes, cls.name)
        found = len(Settings.of(options).hosts)
        if found != len(nodes):
            raise UsageError(f"{found} machines are named for {len(nodes)} nodes: each node needs one of its own")

    @classmethod
    def probe(cls) -> Mapping[str, str | None]:
        """What a machine can do only it can say: it is asked when the run begins, before anything is started. See
        `probe_hosts`."""
        return {"available": connection.problem(), **dict.fromkeys(CAPABILITIES)}

    @classmethod
    def sweep(cls) -> list[str]:
        """What dead runs left on a machine is removed when an agent next begins to work there. See `clean_hosts`."""
        return []

    @classmethod
    def probe_hosts(cls, options: Mapping[str, Any]) -> Mapping[str, Mapping[str, str | None]]:
        """Machine -> what it can do, as `probe` says it; why a machine cannot be asked is its answer everywhere."""

        def powers(answer: dict[str, Any] | SplitbrainError) -> Mapping[str, str | None]:
            if isinstance(answer, SplitbrainError):
                return dict.fromkeys(("available", *CAPABILITIES), str(answer))
            return {"available": None, **answer["powers"]}

        return {host: powers(answer) for host, answer in cls._ask_hosts(options, "probe").items()}

    @classmethod
    def clean_hosts(cls, options: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
        """Puts back on these machines what dead runs did, and removes their files; says what it removed. Asks all of
        them before it raises `ClusterError` for those that could not be."""
        answers = cls._ask_hosts(options, "clean")
        if problems := [str(answer) for answer in answers.values() if isinstance(answer, SplitbrainError)]:
            raise ClusterError("\n".join(problems))
        return {host: answer["removed"] for host, answer in answers.items() if isinstance(answer, dict)}

    @classmethod
    def _ask_hosts(cls, options: Mapping[str, Any], do: str) -> dict[str, dict[str, Any] | SplitbrainError]:
        settings, program = Settings.of(options), upload.pack()
        machines = [Machine(host, settings.access, naming.new_run()) for host in settings.hosts]

        def ask(machine: Machine) -> dict[str, Any] | SplitbrainError:
            try:
                return machine.ask(do, program)
            except SplitbrainError as problem:
                return problem

        with ThreadPoolExecutor(max_workers=len(machines)) as pool:
            return {
                str(machine.host): answer for machine, answer in zip(machines, pool.map(ask, machines), strict=True)
            }

    def now(self) -> int:
        return time.monotonic_ns() - self._epoch_ns

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """See `harness.clusters.linux.loop.run`."""
        return loop.run(main, self._remove, threads=3 * len(self.nodes) + 8)

    async def create(self, target: Target, needs: frozenset[str] = frozenset()) -> None:
        service = getattr(target, "service", None)
        if not isinstance(service, NodeService | CommandService):
            raise Unsupported(f"{target.name} has nothing that a machine could run")
        if reason := connection.problem():
            raise ClusterError(reason)
        answers = await to_its_end(partial(self._provision, service, needs), hurry=self._stop.set)
        for node, answer in answers.items():
            for need in sorted(needs):
                if reason := answer["powers"].get(need, "its agent does not know this fault"):
                    raise Unsupported(f"{node} ({self.machines[node].host}) cannot do {need}: {reason}")
        for machine in self.machines.values():
            machine.attach()
        await asyncio.gather(*(machine.agent.call("nodes.prepare") for machine in self.machines.values()))
        await self.processes.start(self.nodes)
        self._tasks = [asyncio.create_task(self._come_back_once(node)) for node in self.nodes]

    async def connect(self, node: str) -> TcpConnection:
        connection = TcpConnection(self._address(node), PORT, source=f"c{self._clients_made}", dest=node)
        self._clients_made += 1
        await connection.dial()
        return connection

    async def dial(self, node: str, port: int) -> socket.socket:
        return await dial(self._address(node), port)

    async def collect_logs(self, directory: Path) -> None:
        await asyncio.gather(*(self._fetch_logs(node, directory / node) for node in self.machines))

    async def destroy(self) -> None:
        self._stop.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await to_its_end(self._remove)

    def _provision(self, service: NodeService | CommandService, needs: frozenset[str]) -> dict[str, dict[str, Any]]:
        """Brings an agent to every machine. Blocks for about a second."""
        with self._working:
            self._addresses = self._find_addresses()
            packages = service.packages if isinstance(service, NodeService) else ()
            self._program = upload.pack(packages)
            for node in self.nodes:
                home = str(rooms.home(remains.directory(self.run_name), node))
                daemons = programs(service, node, self._addresses, data=home, python="python3")
                command = service if isinstance(service, CommandService) else None
                self._orders[node] = {
                    "do": "run",
                    "node": node,
                    "addresses": self._addresses,
                    "controller": str(Identity.own()),
                    "daemons": [asdict(daemon) for daemon in daemons],
                    "speaks": command is None,
                    "programs": list(command.programs) if command else [],
                    "packages": list(command.packages) if command else [],
                    "install": self._settings.install,
                    "needs": sorted(needs),
                    "lease_s": self._settings.lease_s,
                }
            return self._on_all(self._open)

    def _open(self, node: str) -> dict[str, Any]:
        if self._stop.is_set():
            raise ClusterError("the run was stopped while its cluster was being made")
        return self.machines[node].open(self._orders[node], self._program)

    def _find_addresses(self) -> dict[str, str]:
        """Each node's IPv4 address, for its peers and for clients."""
        given = self._settings.addresses or tuple(map(self._looked_up, self._settings.hosts))
        found = dict(zip(self.nodes, given, strict=True))
        if len(set(found.values())) != len(found):
            raise UsageError(f"two of the machines have one address: {', '.join(found.values())}")
        own = set(map(_source_toward, found.values()))
        for node, address in found.items():
            if address in own:
                raise UsageError(
                    f"this machine is {node} itself ({address}): what cuts it off would cut the controller off, too; "
                    "run splitbrain on a machine that is no node"
                )
        return found

    @staticmethod
    def _looked_up(host: Any) -> str:
        try:
            return str(socket.getaddrinfo(host.name, host.port, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])
        except OSError as problem:
            raise ClusterError(
                f"{host} has no IPv4 address: {problem.strerror}; if its peers know one, say it by 'addresses'"
            ) from problem

    async def _come_back_once(self, node: str) -> None:
        """When a node's connection is lost, makes it anew. Faults that were in force there have ended then: whoever
        lifts them is told."""
        machine = self.machines[node]
        await machine.agent.ended()
        if self._stop.is_set():
            return
        with suppress(HarnessError):  # told by everything that is asked of this node from now on
            await to_its_end(partial(self._open_again, node))
            machine.attach()
            await machine.agent.call("nodes.prepare")
            if node in self.processes.wanted:
                await self.processes.start([node])

    def _open_again(self, node: str) -> None:
        with self._working:
            self._open(node)

    async def _fetch_logs(self, node: str, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            found = await self.machines[node].agent.call("nodes.logs")
            for name in list(filter(logs.is_harmless, found))[: logs.FILES_MAX]:
                await self._fetch_log(node, name, int(found[name]), directory / name)
        except (SplitbrainError, OSError, ValueError, TypeError, zlib.error) as problem:
            with suppress(OSError):
                text = f"splitbrain: no log could be fetched: {problem}\n"
                (directory / "node.log").write_text(text, encoding="utf-8")

    async def _fetch_log(self, node: str, name: str, size: int, copy: Path) -> None:
        agent, begin = self.machines[node].agent, max(0, size - logs.FILE_BYTES_MAX)
        with copy.open("wb") as file:
            while file.tell() < logs.FILE_BYTES_MAX:
                packed = base64.b64decode(await agent.call("nodes.read", name, begin + file.tell()))
                piece = zlib.decompressobj().decompress(packed, LOG_CHUNK)
                if not piece:
                    break
                if piece.strip(b"\0"):
                    file.write(piece)
                else:
                    file.truncate(file.seek(len(piece), os.SEEK_CUR))  # what was a hole stays one

    def _remove(self) -> None:
        self._stop.set()
        with self._working:
            self._on_all(lambda node: self.machines[node].end(self._program))

    def _on_all(self, act: Callable[[str], R]) -> dict[str, R]:
        """On all machines at once; raises what went wrong when all have ended."""
        with ThreadPoolExecutor(max_workers=len(self.nodes)) as pool:
            working = {node: pool.submit(act, node) for node in self.nodes}
        problems = [error for each in working.values() if (error := each.exception()) is not None]
        if len(problems) > 1 and all(isinstance(error, SplitbrainError) for error in problems):
            raise type(problems[0])("\n".join(map(str, problems)))
        if problems:
            raise problems[0]
        return {node: each.result() for node, each in working.items()}

    def _address(self, node: str) -> str:
        if node not in self._addresses:
            raise UsageError(f"there is no node {node!r} to connect to; nodes are {', '.join(self.nodes)}")
        return self._addresses[node]


def _source_toward(address: str) -> str:
    """This machine's address as another one would see it; empty when there is no way. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, PORT))
        except OSError:
            return ""
        return str(probe.getsockname()[0])
