"""What splitbrain's things are called in Docker, and the labels by which it knows them again."""

from __future__ import annotations

import re
import secrets

from harness.clusters.linux.identity import Identity
from harness.errors import UsageError

LABEL = "splitbrain"
"""On everything splitbrain makes: images, networks, containers. The value says what it is: `node`, `network`, `image`,
`base`.
"""

RUN_LABEL = "splitbrain.run"
CONTROLLER_LABEL = "splitbrain.controller"
NODE_LABEL = "splitbrain.node"

_NODE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def new_run() -> str:
    """Ten hexadecimal digits that name one run on this machine: run ids are longer, and unique only within a folder."""
    return secrets.token_hex(5)


def container(run: str, node: str) -> str:
    return f"splitbrain-{run}-{node}"


def network(run: str) -> str:
    return f"splitbrain-{run}"


def labels(kind: str, run: str, controller: Identity) -> dict[str, str]:
    """The labels of something that belongs to one run."""
    return {LABEL: kind, RUN_LABEL: run, CONTROLLER_LABEL: str(controller)}


def check_node(name: str) -> None:
    """Node names are host names here. Raises `UsageError`."""
    if not _NODE_NAME.fullmatch(name):
        raise UsageError(f"a container cannot be called {name!r}: use at most 32 of a-z, 0-9 and '-'")
