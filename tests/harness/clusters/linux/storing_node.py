"""A node for tests of disk faults: its service appends to a log in its data directory, and syncs it when asked to."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from local_node import LocalNode

STORE = """
import errno, os, socket, sys, time
port, data = int(sys.argv[1]), sys.argv[2]
log = os.open(os.path.join(data, "log"), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
server = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = server.accept()
    with connection:
        step, _, text = connection.makefile().readline().rstrip("\\n").partition(" ")
        began = time.monotonic()
        answer = "ok"
        try:
            if step in ("append", "store"):
                os.write(log, text.encode() + b"\\n")
            if step in ("sync", "store"):
                os.fsync(log)
        except OSError as refused:
            answer = errno.errorcode[refused.errno]
        connection.sendall(f"{answer} {(time.monotonic() - began) * 1000:.3f}\\n".encode())
"""


class StoringNode(LocalNode):
    """`tell` speaks to the service: `append TEXT`, `sync`, or both in one (`store TEXT`)."""

    def __init__(self, name: str, data: Path) -> None:
        super().__init__(name)
        self.data = data

    def launch(self) -> list[int]:
        self.close()
        arguments = [sys.executable, "-c", STORE, str(self.port), str(self.data)]
        self.child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return [self.child.pid]

    def answers(self) -> bool:
        try:
            return self.tell("ping", timeout_s=1)[0] == "ok"
        except OSError:
            return False

    def tell(self, what: str, *, timeout_s: float = 10) -> tuple[str, float]:
        """What it answered, `ok` or an errno's name, and how many milliseconds that took it."""
        with socket.create_connection((self.address, self.port), timeout=timeout_s) as connection:
            connection.sendall(f"{what}\n".encode())
            answer, took = connection.makefile().readline().split()
        return answer, float(took)

    def log(self) -> list[str]:
        """The lines that it has stored."""
        return (self.data / "log").read_text(encoding="ascii").splitlines()

    def wait(self, condition: Any) -> None:
        """Polls for a condition, for a few seconds."""
        deadline = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)
