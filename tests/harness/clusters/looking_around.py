"""A program for the process tests: answers every connection with what it sees from within its node."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any


def reaches(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def rights() -> list[str]:
    """Which of two capabilities this process has."""
    [held] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff:")]
    return [name for name, bit in (("NET_ADMIN", 12), ("SYS_PTRACE", 19)) if int(held.split()[1], 16) >> bit & 1]


def view(others: list[str], port: int) -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "addresses": {name: socket.gethostbyname(name) for name in others},
        "reaches": [name for name in others if reaches(name, port)],
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "pids": sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()),
        "zombies": [
            entry.name
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and ") Z " in (entry / "stat").read_text()
        ],
        "environment": dict(os.environ),
        "directory": str(Path.cwd()),
        "files": sorted(entry.name for entry in Path.cwd().iterdir()),
        "wall_ns": time.time_ns(),
        "rights": rights(),
    }


def main(port: int, others: list[str]) -> None:
    print(f"listening on {port}", flush=True)  # noqa: T201 - its log is looked at
    server = socket.create_server(("", port))
    while True:
        connection, _ = server.accept()
        with connection:
            if connection.recv(100):
                connection.sendall(json.dumps(view(others, port)).encode())


if __name__ == "__main__":
    for _orphan in range(2):
        if os.fork() == 0:
            if os.fork() == 0:
                os._exit(0)  # an orphan, which only the node's init can bury
            os._exit(0)
        os.wait()
    main(int(sys.argv[1]), sys.argv[2:])
