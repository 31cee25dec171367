"""What a node on the node runtime says of itself, asked from a program without an event loop."""

from __future__ import annotations

import socket
import time
from typing import Any

from harness.node.wire import Lines, Malformed, decode, encode

TIMEOUT_S = 1.0


def ask(name: str, address: str, port: int) -> dict[str, Any] | None:
    """The answer to `node_status`: `wall`, ... (see `harness.node`); None when it is not there or still starting."""
    question = encode("splitbrain", name, {"type": "node_status", "msg_id": 1})
    lines = Lines()
    deadline = time.monotonic() + TIMEOUT_S
    try:
        with socket.create_connection((address, port), timeout=TIMEOUT_S) as connection:
            connection.sendall(question)
            while (left_s := deadline - time.monotonic()) > 0:
                connection.settimeout(left_s)
                data = connection.recv(65536)
                if not data:
                    return None
                for line in lines.feed(data):
                    body = decode(line).body
                    return body if body["type"] == "node_status_ok" else None
    except (OSError, Malformed):
        pass
    return None


def wall_ns(name: str, address: str, port: int) -> int | None:
    """What time such a node says it is, ns since the epoch; None when it does not say."""
    wall = (ask(name, address, port) or {}).get("wall")
    return wall if isinstance(wall, int) else None


def accepts(address: str, port: int) -> bool:
    """Whether anything takes connections there."""
    try:
        with socket.create_connection((address, port), timeout=TIMEOUT_S):
            return True
    except OSError:
        return False
