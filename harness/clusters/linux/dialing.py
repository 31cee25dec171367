"""Connections from the controller to a node's ports, as sockets that any client library can be built on."""

from __future__ import annotations

import asyncio
import socket


async def dial(address: str, port: int) -> socket.socket:
    """A connected socket, not blocking, that sends small requests at once. Raises `ConnectionError`, also where the
    network says that there is no way; waits as long as the kernel does."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except ConnectionError:
        made.close()
        raise
    except OSError as problem:
        made.close()
        raise ConnectionError(f"{address}:{port}: {problem.strerror}") from problem
    except BaseException:
        made.close()
        raise
    return made
