"""What runs and nodes are called on a machine."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from harness.clusters.linux import addresses
from harness.errors import UsageError

_NODE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def new_run() -> str:
    """Ten hexadecimal digits that name one run on this machine: run ids are longer, and unique only within a folder."""
    return secrets.token_hex(5)


def check_nodes(nodes: Sequence[str], cluster: str) -> None:
    """Node names are host names here. Raises `UsageError`."""
    for name in nodes:
        if not _NODE_NAME.fullmatch(name):
            raise UsageError(f"a {cluster} node cannot be called {name!r}: use at most 32 of a-z, 0-9 and '-'")
    if len(nodes) > addresses.MAX_NODES or len(set(nodes)) != len(nodes):
        raise UsageError(f"a {cluster} cluster has at most {addresses.MAX_NODES} nodes, each with a name of its own")
