"""What runs on a node, whichever kind of service a target has: programs, in the order of starting."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from harness.errors import UsageError
from harness.target import Daemon, NodeService, Service

PORT = 7000
"""Where a node of a bundled store listens."""


def programs(service: Service, node: str, addresses: Mapping[str, str], *, data: str, python: str) -> list[Daemon]:
    """The programs of one node; `data` is its data directory as it sees it, `python` its interpreter. Raises
    `UsageError` for a service whose programs cannot be told apart or whose files lie elsewhere."""
    if isinstance(service, NodeService):
        return [_on_the_node_runtime(service, node, addresses, data, python)]
    daemons = list(service.daemons(node, addresses, data))
    if not daemons:
        raise UsageError(f"the target runs nothing on {node}")
    if len({daemon.name for daemon in daemons}) != len(daemons):
        raise UsageError(f"two programs of {node} have one name: {', '.join(daemon.name for daemon in daemons)}")
    for daemon in daemons:
        check_name(daemon.name)
        for file in daemon.files:
            check_path(file)
    return daemons


def check_name(name: str) -> None:
    """A program's name is that of its log file. Raises `UsageError`."""
    if name != PurePosixPath(name).name or name in ("", ".", "..") or not name.isprintable():
        raise UsageError(f"a program cannot be called {name!r}: its log file bears that name")


def check_path(path: str) -> None:
    """A file of a program lies below its node's data directory. Raises `UsageError`."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise UsageError(f"{path!r} is no path below a node's data directory")


def _on_the_node_runtime(
    service: NodeService, node: str, addresses: Mapping[str, str], data: str, python: str
) -> Daemon:
    peers = ",".join(f"{name}={address}:{PORT}" for name, address in addresses.items())
    argv: Sequence[str] = (
        *(python, "-m", "harness.node", service.node_class, "--name", node, "--listen", f"{addresses[node]}:{PORT}"),
        *("--peers", peers, "--data", data, "--options", json.dumps(dict(service.options))),
    )
    return Daemon("node", tuple(argv), PORT)
