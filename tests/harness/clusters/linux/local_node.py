"""A node for tests of the Linux faults without containers: its service is a child process that tells the time."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.clusters.linux import commands, processes
from harness.clusters.linux.node import Done

SERVICE = """
import os, socket, sys, threading, time
port, forks, ending = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if ending:
    sys.exit(ending)
for _ in range(forks):
    if os.fork() == 0:
        port = 0
        break
server = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"%d %d\\n" % (time.time_ns(), time.monotonic_ns()))
"""


class LocalNode:
    """A `ServiceNode` whose service may fork, or crash at start with a message."""

    address = "127.0.0.1"

    def __init__(self, name: str, *, forks: int = 0) -> None:
        self.name = name
        self.forks = forks
        self.crash = ""
        self.data = Path("/nonexistent")
        self.child: subprocess.Popen[bytes] | None = None
        with socket.socket() as any_port:
            any_port.bind((self.address, 0))
            self.port: int = any_port.getsockname()[1]

    def pids(self) -> list[int]:
        if self.child is None:
            return []
        family = [self.child.pid, *(pid for pid in _children(self.child.pid))]
        return [pid for pid in family if processes.alive(pid)]

    def launch(self) -> list[int]:
        self.close()
        arguments = [sys.executable, "-c", SERVICE, str(self.port), str(self.forks), self.crash]
        self.child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return [self.child.pid]

    def answers(self) -> bool:
        return self.ask() is not None

    def wall_ns(self) -> int | None:
        said = self.ask()
        return said[0] if said else None

    def log_tail(self) -> str:
        return self.crash

    def entering(self, argv: Sequence[str]) -> list[str]:
        return list(argv)

    def enter(self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 10.0) -> Done:
        return commands.run(self.entering(argv), stdin, timeout_s)

    def ask(self) -> tuple[int, int] | None:
        """Its wall and monotonic clock."""
        try:
            with socket.create_connection((self.address, self.port), timeout=1) as connection:
                wall, monotonic = connection.makefile().readline().split()
        except (OSError, ValueError):
            return None
        return int(wall), int(monotonic)

    def close(self) -> None:
        if self.child is not None:
            processes.send(self.pids(), signal.SIGKILL)
            self.child.wait()
            self.child = None

    def __enter__(self) -> LocalNode:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _children(parent: int) -> list[int]:
    return [pid for pid in processes.in_namespace(processes.pid_namespace(parent)) if _parent(pid) == parent]


def _parent(pid: int) -> int | None:
    try:
        return processes.read(pid).parent
    except ProcessLookupError:  # others come and go all the time
        return None
