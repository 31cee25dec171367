"""One node, as the agent sees it: an init with namespaces of its own, and the programs that run there."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.clusters.linux import commands, processes, status
from harness.clusters.linux.node import Done
from harness.errors import ClusterError
from harness.target import Daemon

TAIL_LINES = 10
TAIL_BYTES = 16384
ANSWER_BYTES_MAX = 65536
SPAWN_TIMEOUT_S = 10.0


@dataclass(slots=True)
class RoomNode:
    """A `harness.clusters.linux.node.ServiceNode` in namespaces of its own.

    `home` is its data directory by its own path, which is cwd and HOME of its programs; `logs` holds one file per
    program. `speaks` says whether its one program is on the node runtime and answers questions about itself."""

    name: str
    address: str
    daemons: Sequence[Daemon]
    home: Path
    logs: Path
    speaks: bool
    environment: dict[str, str]
    init: int
    requests: socket.socket
    namespace: int = field(init=False)
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self.namespace = processes.pid_namespace(self.init)
        self.port = self.daemons[0].port if self.daemons else 0

    @property
    def data(self) -> Path:
        """The data directory, through the node's own mounts."""
        return Path(f"/proc/{self.init}/root{self.home}")

    def pids(self) -> list[int]:
        """See `ServiceNode`."""
        return [pid for pid in processes.in_namespace(self.namespace) if pid != self.init]

    def launch(self) -> list[int]:
        """See `ServiceNode`."""
        return [self._spawn(daemon) for daemon in self.daemons]

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
        return "\n".join(filter(None, (self._tail(daemon) for daemon in self.daemons)))

    def entering(self, argv: Sequence[str]) -> list[str]:
        """See `ServiceNode`."""
        return ["nsenter", f"--net=/proc/{self.init}/ns/net", "--", *argv]

    def enter(self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 10.0) -> Done:
        """See `ServiceNode`."""
        return commands.run(self.entering(argv), stdin, timeout_s)

    def _spawn(self, daemon: Daemon) -> int:
        for path, text in daemon.files.items():
            self._write(self.data / path, text)
        request = {
            "argv": list(daemon.argv),
            "env": {**self.environment, "HOME": str(self.home), **daemon.env},
            "cwd": str(self.home),
        }
        log = os.open(self.logs / f"{daemon.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            socket.send_fds(self.requests, [json.dumps(request).encode()], [log])
            answer = answer_of(self.requests, self.name)
        finally:
            os.close(log)
        try:
            return processes.number_of(answer["pid"], self.namespace)
        except ProcessLookupError:
            return 0  # it has come to its end already, which is for whoever waits for its answer to tell

    def _write(self, file: Path, text: str) -> None:
        """Writes a file where there is none. A link that a program left in its place is not followed."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as made:
                made.write(text)
                made.flush()
                os.fsync(made.fileno())  # it is the node's from here on: a loss of power must not take it
            folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except FileExistsError:
            pass
        except OSError as problem:
            raise ClusterError(f"{self.name}: cannot write {file.name}: {problem.strerror}") from problem

    def _tail(self, daemon: Daemon) -> str:
        try:
            with (self.logs / f"{daemon.name}.log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-TAIL_LINES:])


def answer_of(requests: socket.socket, name: str) -> dict[str, int]:
    """What a node's init answers. Raises `ClusterError`."""
    requests.settimeout(SPAWN_TIMEOUT_S)
    try:
        raw = requests.recv(ANSWER_BYTES_MAX)
    except OSError as problem:
        raise ClusterError(f"the init of {name} does not answer: {problem}") from problem
    if not raw:
        raise ClusterError(f"the init of {name} is gone")
    answer: dict[str, int] = json.loads(raw)
    if "error" in answer:
        raise ClusterError(f"{name}: {answer['error']}")
    return answer
