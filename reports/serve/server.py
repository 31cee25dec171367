"""The socket, and the end of it all: Ctrl-C and SIGTERM close what is open and end with exit code 0."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.concurrency import run_in_threadpool

from harness.errors import UsageError
from reports.serve.app import Site
from reports.serve.guard import Guard
from reports.serve.store import Store

CONNECTIONS_MAX = 256
BACKLOG = 128
GOODBYE_S = 2
"""How long answers that are being sent may go on after the end was asked for."""
_ONCE_S = 365 * 86_400
"""The server calls back when it listens, and then again after so long."""


def serve(root: Path, host: str, port: int, told: Callable[[str], None], warned: Callable[[str], None]) -> None:
    """Serves a runs folder until it is interrupted. `told` is given the address, `warned` what the user should know.

    Raises `UsageError` for a folder that is none, and for an address that cannot be had.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is no folder: expected one that holds runs, as `splitbrain run` makes it")
    listening = _socket(host, port)
    if not _loopback(listening):
        warned(f"whoever reaches {host} can read these runs and have them judged: there is no password")
    site = Site(Store(root))

    async def ready() -> None:
        await run_in_threadpool(site.warm)
        told(_address(listening))

    names = {host} if _loopback(listening) else {host, socket.gethostname()}
    config = uvicorn.Config(
        Guard(site.application(), names),
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=GOODBYE_S,
        callback_notify=ready,
        timeout_notify=_ONCE_S,
    )
    server = uvicorn.Server(config)
    with _ending(server):
        try:
            server.run(sockets=[listening])
        finally:
            listening.close()
            site.close()


@contextmanager
def _ending(server: uvicorn.Server) -> Iterator[None]:
    """Lets a signal end the server, and nothing but the server: it has handlers of its own while it runs, and hands
    on what they caught when it has closed everything."""

    def end(_signal: int, _frame: object) -> None:
        server.should_exit = True
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what is cut off now is no news

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _socket(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError, OverflowError) as problem:
        why = (getattr(problem, "strerror", None) or str(problem)).partition(" (")[0]  # Python adds the address
        raise UsageError(f"cannot listen on {host}, port {port}: {why}; --port 0 takes any that is free") from problem


def _loopback(listening: socket.socket) -> bool:
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
