"""The agent of an ssh cluster: what runs on a machine, as root, for as long as its SSH channel is open.

The node's programs run in pid, mount and IPC namespaces of their own, under an init that ends with this process: what
they fork is found again, and their mounts go with them, whatever becomes of the agent. The network is the machine's, so
that rules, queues and control groups are made there and named after the run; before each, its undoing is written down
(see `undo`). When the channel ends without a word, or is silent for the lease, all of it is put back and the programs
end; the files stay, for a controller that comes back or for `splitbrain clean`.

The first message says what to do, and is answered with what this machine can do. Then requests are served.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import socket
import sys
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.clusters.linux import cgroups, commands, logs, nft, packets, processes, undo, vdso_self_test
from harness.clusters.linux.agent.protocol import decode, encode, pack_error
from harness.clusters.linux.agent.server import Server
from harness.clusters.linux.agent.streams import PipeStream, StreamChannel
from harness.clusters.linux.cgroups import Group
from harness.clusters.linux.clocks import PatchedClocks
from harness.clusters.linux.disks import capability as disks
from harness.clusters.linux.disks import volume
from harness.clusters.linux.disks.capability import Disks
from harness.clusters.linux.disks.volume import Volume
from harness.clusters.linux.files import DataFiles
from harness.clusters.linux.host_network import HostNetwork
from harness.clusters.linux.identity import Identity
from harness.clusters.linux.limits import CgroupLimits
from harness.clusters.linux.node import ServiceNode
from harness.clusters.linux.services import Services
from harness.clusters.linux.undo import UndoLog
from harness.clusters.linux.work import to_its_end
from harness.clusters.process import init, rooms
from harness.clusters.process.node import RoomNode, answer_of
from harness.clusters.ssh import remains
from harness.errors import ClusterError, UsageError
from harness.target import Daemon

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INSTALL_TIMEOUT_S = 600.0
LOG_CHUNK = 1 << 20
STOPPED = "the controller said so"


def main(run: str) -> int:
    """Takes over standard input and output; returns the exit code."""
    streams = _take_standard_streams(run)
    os.environ["PATH"] = PATH
    try:
        order = streams.first()
        removed = remains.claim(run)
        removed += remains.sweep()
        if order["do"] == "clean":
            remains.forget(run)
            streams.answer({"removed": removed})
            return 0
        if order["do"] == "probe":
            found = powers()
            remains.forget(run)
            streams.answer({"removed": removed, "powers": found})
            return 0
        work = _Work.begin(run, order)
        streams.answer({"removed": removed, "powers": powers(), "python": sys.executable})
    except Exception as problem:
        with suppress(Exception):  # the machine is as it was but for files, which the next one removes
            remains.lift(run)
            remains.forget(run)
        streams.answer({"error": pack_error(problem)})
        return 1
    try:
        why = asyncio.run(work.serve(streams))
    finally:
        work.end()
    if why == STOPPED:
        remains.forget(run)
    return 0


def powers() -> dict[str, str | None]:
    """See `harness.clusters.base.Cluster.probe`: what works on this machine."""
    return {
        "partition": nft.problem("inet"),
        **packets.problems(),
        "kill": None,
        "pause": None,
        "memory": cgroups.problem("memory"),
        "cpu": cgroups.problem("cpu"),
        "clock": vdso_self_test.self_test(),
        **disks.problems(),
    }


@dataclass(frozen=True, slots=True)
class _Peer:
    """Another node: of it, this machine knows where it is."""

    name: str
    address: str


@dataclass(slots=True)
class _Work:
    """One node on this machine, and what can be done to it."""

    run: str
    order: Mapping[str, Any]
    node: RoomNode
    log: UndoLog

    @classmethod
    def begin(cls, run: str, order: Mapping[str, Any]) -> _Work:
        """Makes the node's namespaces. The caller is single-threaded. Raises `ClusterError`."""
        name, by_name = order["node"], order["addresses"]
        _check_address(name, by_name[name])
        place = remains.directory(run)
        home, written = rooms.home(place, name), rooms.logs(place, name)
        home.mkdir(parents=True, exist_ok=True)
        written.mkdir(parents=True, exist_ok=True)
        hosts = place / "hosts"
        others = "".join(f"{address} {other}\n" for other, address in by_name.items())
        hosts.write_text(f"127.0.0.1 localhost\n{others}", encoding="ascii")
        log = UndoLog(remains.undo_log(run))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = init.start(init.Setting(name, str(hosts), None), theirs)
            theirs.close()
            node = RoomNode(
                name=name,
                address=by_name[name],
                daemons=[Daemon(**raw) for raw in order["daemons"]],
                home=home,
                logs=written,
                speaks=order["speaks"],
                environment={"PATH": PATH, "LANG": "C.UTF-8", "PYTHONPATH": str(place / remains.PROGRAM)},
                init=pid,
                requests=ours,
            )
            node.requests.send(b"!")
            answer_of(node.requests, name)
        except OSError as problem:
            raise ClusterError(f"its namespaces cannot be made: {problem.strerror}") from problem
        return cls(run, order, node, log)

    async def serve(self, streams: _Streams) -> str:
        """Until the controller is gone; then everything is put back. Returns why it ended."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(max_workers=16))
        channel = StreamChannel(await PipeStream.open(streams.read, streams.write))
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, channel.close)  # as if the controller had hung up
        name = self.node.name
        nodes: dict[str, Any] = {
            other: self.node if other == name else _Peer(other, address)
            for other, address in self.order["addresses"].items()
        }
        own: dict[str, ServiceNode] = {name: self.node}
        locks = {name: asyncio.Lock()}
        clocks = PatchedClocks(own, locks)
        limits = CgroupLimits(own, locks, self._group)
        services = Services(own, locks, clocks, lambda: False, limits)
        volumes: dict[str, Volume] = {}
        broken = Disks(own, locks, services, volumes)
        table = nft.PREFIX + self.run
        network = HostNetwork(nodes, table, str(Identity.own()), here=name, log=self.log)
        capabilities = {
            "network": network,
            "processes": services,
            "clocks": clocks,
            "limits": limits,
            "disks": broken,
            "files": DataFiles(own),
            "nodes": _Nodes(self, limits, volumes),
        }
        server = Server(channel, capabilities, lease_s=float(self.order["lease_s"]))
        try:
            why = await server.serve()
            await server.put_back()
            return why
        finally:
            broken.close()
            network.close()

    def end(self) -> None:
        """Ends the programs, and undoes what may be left. Raises `ClusterError`."""
        processes.send([self.node.init], signal.SIGKILL)
        processes.wait_gone([self.node.init], remains.LEAVE_TIMEOUT_S)
        self.log.close()
        remains.lift(self.run)

    def _group(self, node: ServiceNode) -> Group:
        self.log.add(undo.no_cgroups(self.run))
        return cgroups.make(self.run, node.name)


class _Nodes:
    """What a controller asks of the node that is no fault."""

    def __init__(self, work: _Work, limits: CgroupLimits, volumes: dict[str, Volume]) -> None:
        self._work = work
        self._limits = limits
        self._volumes = volumes

    async def prepare(self) -> None:
        """Makes the node fit for its programs, and for the faults that will be asked for."""
        await to_its_end(self._prepare)

    def _prepare(self) -> None:
        order, node = self._work.order, self._work.node
        _have_programs(node.name, order["programs"], order["packages"], install=order["install"])
        needs = frozenset(order["needs"])
        if needs & {cgroups.MEMORY, cgroups.CPU}:
            self._limits.prepare()
        if needs & disks.OF_A_VOLUME:
            image = remains.directory(self._work.run) / f"{node.name}.ext4"
            own = Volume(node.name, node.data, str(node.home), node.init, image)
            if image.exists():  # of a connection that was lost
                volume.wait_released(image.parent)
                own.mount()
            else:
                own.make()
            self._volumes[node.name] = own

    async def logs(self) -> dict[str, int]:
        """The programs' logs, with their sizes in bytes."""
        source = self._work.node.logs
        return {name: (source / name).lstat().st_size for name in logs.names(source)}

    async def read(self, name: str, offset: int) -> str:
        """A piece of a log, at most `LOG_CHUNK` bytes of it: compressed, in base64."""
        if not logs.is_harmless(name):
            raise UsageError(f"there is no log {name!r}")
        return await to_its_end(partial(self._read, name, offset))

    def _read(self, name: str, offset: int) -> str:
        with logs.opened(self._work.node.logs / name) as file:
            file.seek(offset)
            return base64.b64encode(zlib.compress(file.read(LOG_CHUNK), 1)).decode("ascii")


def _check_address(name: str, address: str) -> None:
    with socket.socket() as trial:
        try:
            trial.bind((address, 0))
        except OSError as problem:
            raise ClusterError(
                f"{name} does not have the address {address} itself ({problem.strerror}): say by 'addresses' how the "
                "nodes reach one another"
            ) from problem


def _have_programs(node: str, programs: Sequence[str], packages: Sequence[str], *, install: bool) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and install:
        _apt(node, "update")
        _apt(node, "install", "-y", "--no-install-recommends", "--", *packages)
        missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise ClusterError(
            f"{node} lacks {', '.join(missing)}: on Debian, apt-get install {' '.join(packages)}, or say install: true"
        )


def _apt(node: str, *words: str) -> None:
    # RUNLEVEL=1 tells Debian's invoke-rc.d not to start the services that packages bring.
    quietly = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-q"]
    done = commands.run([*quietly, *words], b"", INSTALL_TIMEOUT_S)
    if done.code:
        raise ClusterError(f"{node}: apt-get {' '.join(words)}: {done.complaint}")


def _take_standard_streams(run: str) -> _Streams:
    """The channel's two ends, under numbers that no program here writes to by mistake; what is said on standard error
    goes to a file."""
    source, sink = os.dup(0), os.dup(1)
    log = os.open(remains.directory(run) / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for descriptor, target in ((nowhere, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    return _Streams(source, sink)


@dataclass(frozen=True, slots=True)
class _Streams:
    """What were standard input and output. Methods block."""

    read: int
    write: int

    def first(self) -> dict[str, Any]:
        """The first message; nothing follows it until it is answered."""
        line = bytearray()
        while not line.endswith(b"\n"):
            data = os.read(self.read, 65536)
            if not data:
                raise ConnectionResetError("the controller is gone")
            line += data
        return decode(bytes(line))

    def answer(self, message: Mapping[str, Any]) -> None:
        """Answers it. Whoever is gone needs none."""
        data = encode(message)
        with suppress(OSError):
            while data:
                data = data[os.write(self.write, data) :]
