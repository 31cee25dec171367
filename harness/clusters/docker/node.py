"""One node: a container that outlives its service.

The container's first process is an init whose only child sleeps. The service is started beside it, so a killed service
leaves the network namespace, the address and the disk as they were, as on a machine whose daemon crashed.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from harness.clusters.docker import engine, launch, names
from harness.clusters.docker.launch import DATA, LOGS, POLL_S, SETTLE_TIMEOUT_S
from harness.clusters.linux import commands, logs, processes, status
from harness.clusters.linux.identity import Identity
from harness.clusters.linux.node import Done
from harness.errors import ClusterError
from harness.target import Daemon

if TYPE_CHECKING:
    from docker import APIClient

_SLEEP = ("sleep", "infinity")
_RUNTIME = ("runc", "init")

LOG_BYTES_MAX = 64 * 1024 * 1024
"""What is fetched of one node's logs."""

TAIL_LINES = 10
TAIL_BYTES = 16384

_TAIL = ("/bin/sh", "-c", '[ -f "$1" ] && [ ! -L "$1" ] && exec tail -c "$2" "$1"', "sh")

OOM_SCORE_ADJ = 500
"""What runs on a node is the first to go when memory runs out, and not the controller that tells of it (proc(5))."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What every container of a run has in common."""

    run: str
    controller: Identity
    image: str
    network: str
    addresses: Mapping[str, str]


@dataclass(slots=True)
class DockerNode:
    """A `harness.clusters.linux.node.ServiceNode` in a container.

    `speaks` says whether its one program is on the node runtime and answers questions about itself."""

    client: APIClient
    name: str
    address: str
    daemons: Sequence[Daemon]
    speaks: bool
    container: str = ""
    port: int = field(init=False)
    init: int = 0
    """The container's first process, as this machine numbers it; 0 before it runs."""
    namespace: int = 0
    """The inode of the container's pid namespace, 0 before it runs."""
    keepers: frozenset[int] = field(default_factory=frozenset)
    """The processes that keep the container alive: the init and the sleeper. They are never signalled."""

    def __post_init__(self) -> None:
        self.port = self.daemons[0].port if self.daemons else 0

    def create(self, placement: Placement) -> None:
        """Makes and starts the container, without the service. Raises `ClusterError`."""
        name = names.container(placement.run, self.name)
        ours = names.labels("node", placement.run, placement.controller) | {names.NODE_LABEL: self.name}
        config = {
            "Image": placement.image,
            "Cmd": list(_SLEEP),
            "Hostname": self.name,
            "Labels": ours,
            "HostConfig": {
                "Init": True,
                "NetworkMode": placement.network,
                "ExtraHosts": [f"{node}:{address}" for node, address in placement.addresses.items()],
                # Rules are for IPv4 addresses: nodes must not find one another over link-local IPv6.
                "Sysctls": {"net.ipv6.conf.all.disable_ipv6": "1"} if Path("/proc/sys/net/ipv6").exists() else {},
                "SecurityOpt": ["no-new-privileges"],
                "LogConfig": {"Type": "none"},
                "OomScoreAdj": OOM_SCORE_ADJ,
            },
            "NetworkingConfig": {"EndpointsConfig": {placement.network: {"IPAMConfig": {"IPv4Address": self.address}}}},
        }
        with engine.explained(f"making the container of {self.name}"):
            self.client.create_container_from_config(config, name)  # type: ignore[no-untyped-call]  # the stubs forgot it
            self.container = name
            self.client.start(name)

    def settle(self) -> None:
        """Finds the container's processes, which takes root. Raises `ClusterError`."""
        with engine.explained(f"looking at the container of {self.name}"):
            init = int(self.client.inspect_container(self.container)["State"]["Pid"])
        self._find_keepers(init)

    @property
    def data(self) -> Path:
        """See `ServiceNode`."""
        return Path(f"/proc/{self.init}/root{DATA}")

    def pids(self) -> list[int]:
        """See `ServiceNode`."""
        if not self.namespace:
            return []
        return [pid for pid in processes.in_namespace(self.namespace) if pid not in self.keepers]

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
        try:
            texts = [self._end_of(daemon, TAIL_BYTES).decode("utf-8", "replace") for daemon in self.daemons]
        except ClusterError:
            return ""
        return "\n".join(line for text in texts for line in text.splitlines()[-TAIL_LINES:])

    def entering(self, argv: Sequence[str]) -> list[str]:
        """See `ServiceNode`."""
        return ["nsenter", f"--net=/proc/{self.init}/ns/net", "--", *argv]

    def enter(self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 10.0) -> Done:
        """See `ServiceNode`."""
        try:
            there = bool(self.namespace) and processes.pid_namespace(self.init) == self.namespace
        except ProcessLookupError:
            there = False
        if not there:  # its number may be somebody else's by now
            raise ClusterError(f"the container of {self.name} is gone")
        return commands.run(self.entering(argv), stdin, timeout_s)

    def save_logs(self, directory: Path) -> None:
        """Writes the node's logs into a directory of the controller's. Raises `ClusterError` when they
        cannot be had.
        """
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in self._logs().items():
            (directory / name).write_bytes(content)
        for daemon in self.daemons:  # of the archive the end is cut off, which of a log is what matters
            if not (kept := directory / f"{daemon.name}.log").exists():
                kept.write_bytes(self._end_of(daemon, logs.FILE_BYTES_MAX))

    def _start(self, daemon: Daemon) -> int:
        with engine.explained(f"starting {daemon.name} on {self.name}"):
            run = self.client.exec_create(
                self.container,
                launch.command_line(daemon),
                stdout=False,
                stderr=False,
                environment={"HOME": DATA, **daemon.env},
            )["Id"]
            self.client.exec_start(run, detach=True)
            pid = int(self.client.exec_inspect(run)["Pid"])
        launch.wait_for_program(pid, _RUNTIME)
        return pid

    def _find_keepers(self, init: int) -> None:
        try:
            namespace = processes.pid_namespace(init)
        except (ProcessLookupError, PermissionError) as problem:
            raise ClusterError(
                f"the container of {self.name} ended at once, or its processes cannot be seen"
            ) from problem
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while time.monotonic() < deadline:
            found = processes.in_namespace(namespace)
            if len(found) > 1:
                self.init, self.keepers, self.namespace = init, frozenset(found), namespace
                return
            time.sleep(POLL_S)
        raise ClusterError(f"the container of {self.name} does not come to life")

    def _end_of(self, daemon: Daemon, size: int) -> bytes:
        """The last bytes of a program's log, read with the container's own eyes. Raises `ClusterError`."""
        with engine.explained(f"reading the log of {self.name}"):
            words = [*_TAIL, f"{LOGS}/{daemon.name}.log", str(size)]
            run = self.client.exec_create(self.container, words, stderr=False)["Id"]
            found: bytes = self.client.exec_start(run)  # not streamed, which would leave its socket open
        return found[-size:]

    def _logs(self) -> dict[str, bytes]:
        """Plain file name -> content. What the container made of its log directory is not trusted: only regular files
        in it, by their last name.
        """
        with engine.explained(f"reading the logs of {self.name}"):
            chunks, _ = self.client.get_archive(self.container, LOGS)
            raw = bytearray()
            for chunk in chunks:
                raw += chunk
                if len(raw) > LOG_BYTES_MAX:
                    break
        return _plain_files(bytes(raw))


def _plain_files(archive: bytes) -> dict[str, bytes]:
    """The regular files of a tar by their last name, up to where it was cut off."""
    found = {}
    with suppress(tarfile.ReadError), tarfile.open(fileobj=io.BytesIO(archive), mode="r|") as tar:
        for member in tar:
            name = PurePosixPath(member.name).name
            content = tar.extractfile(member) if member.isreg() else None
            if content is not None and logs.is_harmless(name):
                found[name] = content.read()
    return found
