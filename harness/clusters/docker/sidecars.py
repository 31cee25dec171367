"""What a controller without root does to its containers: by an agent in a sidecar of each (see `sidecar`).

Whoever may use the engine may start containers that are root in a node's namespaces. The controller talks to each
agent through the standard streams of its container, so when the controller is gone, the streams end, the agent puts
everything back, and the engine removes the sidecar.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.clusters.docker import context, engine, image, names
from harness.clusters.docker.node import DockerNode, Placement
from harness.clusters.linux import ledger
from harness.clusters.linux.agent import bundle
from harness.clusters.linux.agent.proxies import (
    RemoteClocks,
    RemoteDisks,
    RemoteFiles,
    RemoteNetwork,
    RemoteProcesses,
)
from harness.clusters.linux.agent.remote import Agent
from harness.clusters.linux.agent.streams import CHUNK, StreamChannel, introduce
from harness.clusters.linux.beside import SpreadClocks, SpreadDisks, SpreadFiles, SpreadProcesses
from harness.clusters.linux.spread import SpreadNetwork
from harness.errors import ClusterError

if TYPE_CHECKING:
    from docker import APIClient

MODULE = "harness.clusters.docker.sidecar"

TOOLS = image.of_packages(
    ["python3-minimal", "nftables", "iptables", "iproute2", "strace"], ["python3", "nft", "iptables", "tc", "strace"]
)
"""The image below that of the agent."""

_OURS = ("clusters/docker/__init__.py", "clusters/docker/launch.py", "clusters/docker/sidecar.py")
_NOTHING = b'"""The part of this package that an agent needs."""\n'

SAID_BYTES_MAX = 4096
_UPGRADE = "Content-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp"
_HEADER = 8
_ERRORS = 2


def ensure_image(client: APIClient, directory: Path, stop: threading.Event) -> str:
    """The name of the agent's image, built if there is none yet: its sources over `TOOLS`. Raises `ClusterError`."""
    files = bundle.sources(*_OURS) | {"harness/clusters/docker/__init__.py": _NOTHING}
    tools = image.ensure(client, TOOLS, None, directory, stop)
    return image.ensure(client, image.Recipe(context.dockerfile(), files, {}, network=False), tools, directory, stop)


class Sidecars:
    """One per node, and the capabilities by them all."""

    def __init__(self, nodes: Sequence[str], *, lease_s: float) -> None:
        self._lease_s = lease_s
        self._image = ""
        self._agents = {node: Agent(lease_s=lease_s) for node in nodes}
        self._streams: dict[str, AttachedStream] = {}
        self.network = SpreadNetwork({node: RemoteNetwork(agent) for node, agent in self._agents.items()})
        self.processes = SpreadProcesses({node: RemoteProcesses(agent) for node, agent in self._agents.items()})
        self.clocks = SpreadClocks({node: RemoteClocks(agent) for node, agent in self._agents.items()})
        self.disks = SpreadDisks({node: RemoteDisks(agent) for node, agent in self._agents.items()})
        self.files = SpreadFiles({node: RemoteFiles(agent) for node, agent in self._agents.items()})
        self.limits = None
        self.powers: Mapping[str, Mapping[str, str | None]] = {}
        """What each agent can do, if its order was to find out."""

    def prepare(self, client: APIClient, placement: Placement, stop: threading.Event) -> None:
        """Before the first container is made: has the agent's image built, if there is none yet. Raises
        `ClusterError`."""
        self._image = ensure_image(client, ledger.SCRATCH / placement.run, stop)

    def take(self, client: APIClient, node: DockerNode, placement: Placement) -> None:
        """Starts the sidecar of a container that was started. Raises `ClusterError`."""
        beside = f"container:{names.container(placement.run, node.name)}"
        labels = names.labels("sidecar", placement.run, placement.controller) | {names.NODE_LABEL: node.name}
        config = {
            "Image": self._image,
            "Cmd": ["python3", "-m", MODULE],
            "Labels": labels,
            "OpenStdin": True,
            "StdinOnce": True,
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
            "HostConfig": {
                "NetworkMode": beside,
                "PidMode": beside,
                "CapAdd": ["NET_ADMIN", "SYS_PTRACE"],
                "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
                "AutoRemove": True,
                "LogConfig": {"Type": "none"},
            },
        }
        name = f"{names.container(placement.run, node.name)}-sidecar"
        with engine.explained(f"making the sidecar of {node.name}"):
            client.create_container_from_config(config, name)  # type: ignore[no-untyped-call]  # the stubs forgot it
            self._streams[node.name] = AttachedStream.of(client, name)
            client.start(name)

    async def begin(self, orders: Mapping[str, Mapping[str, Any]]) -> None:
        """Once all containers run: tells each agent what it is to be. Raises what one of them raises."""
        self.powers = dict(zip(orders, await asyncio.gather(*map(self._brief, orders, orders.values())), strict=True))

    async def _brief(self, node: str, order: Mapping[str, Any]) -> Mapping[str, str | None]:
        stream = self._streams[node]
        channel = StreamChannel(stream)
        try:
            said = await introduce(channel, {**order, "lease_s": self._lease_s})
        except ClusterError as problem:
            raise ClusterError(f"{node}: {problem}{stream.last_words()}") from problem
        self._agents[node].attach(channel)
        powers: Mapping[str, str | None] = said["powers"]
        return powers

    def close(self) -> None:
        """Hangs up. Idempotent."""
        for agent in self._agents.values():
            agent.close()
        for stream in self._streams.values():
            stream.close()


class AttachedStream:
    """A `harness.clusters.linux.agent.streams.Stream`: the standard streams of a container. What comes is in frames of
    eight bytes, whose first says which stream it is and whose last four how long, and then the data."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._rest = bytearray()
        self._said = bytearray()

    @classmethod
    def of(cls, client: APIClient, container: str) -> AttachedStream:
        """Of a container that does not run yet: nothing it says is missed. Raises `ClusterError`."""
        # By hand: the client library leaves the connection to its pool, which closes it late or never.
        path = engine.endpoint().removeprefix("unix://")
        where = f"/v{client.api_version}/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1"
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(engine.TIMEOUT_S)
            connection.connect(path)
            connection.sendall(f"POST {where} HTTP/1.1\r\nHost: docker\r\n{_UPGRADE}\r\n\r\n".encode())
            answer = b""
            while b"\r\n\r\n" not in answer:
                if not (data := connection.recv(CHUNK)):
                    raise ConnectionResetError("it hung up")
                answer += data
            if not answer.startswith((b"HTTP/1.1 101", b"HTTP/1.1 200")):
                raise ConnectionRefusedError(answer.partition(b"\r\n")[0].decode("utf-8", "replace"))
        except OSError as problem:
            connection.close()
            raise ClusterError(f"the Docker engine does not connect us to {container}: {problem}") from problem
        return cls(connection)

    async def read(self) -> bytes:
        """See `Stream`. What is written on standard error is kept for `last_words`."""
        while True:
            if (frame := self._frame()) is not None:
                kind, data = frame
                if kind != _ERRORS:
                    return data
                self._said = (self._said + data)[-SAID_BYTES_MAX:]
                continue
            try:
                data = await asyncio.get_running_loop().sock_recv(self._connection, CHUNK)
            except OSError as gone:
                raise ConnectionResetError(str(gone)) from gone
            if not data:
                return b""
            self._rest += data

    async def write(self, data: bytes) -> None:
        """See `Stream`."""
        try:
            await asyncio.get_running_loop().sock_sendall(self._connection, data)
        except OSError as gone:
            raise ConnectionResetError(str(gone)) from gone

    def close(self) -> None:
        """See `Stream`."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def last_words(self) -> str:
        """What the container wrote on standard error last, for a message."""
        text = self._said.decode("utf-8", "replace").strip()
        plain = "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
        return f"; it said:\n{plain}" if plain else ""

    def _frame(self) -> tuple[int, bytes] | None:
        if len(self._rest) < _HEADER:
            return None
        end = _HEADER + int.from_bytes(self._rest[4:_HEADER], "big")
        if len(self._rest) < end:
            return None
        kind, data = self._rest[0], bytes(self._rest[_HEADER:end])
        del self._rest[:end]
        return kind, data
