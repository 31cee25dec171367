"""What splitbrain's things are called in Docker, and the labels by which it knows them again."""

from __future__ import annotations

from harness.clusters.linux.identity import Identity

LABEL = "splitbrain"
"""On everything splitbrain makes: images, networks, containers. The value says what it is: `node`, `network`, `image`,
`base`.
"""

RUN_LABEL = "splitbrain.run"
CONTROLLER_LABEL = "splitbrain.controller"
NODE_LABEL = "splitbrain.node"


def container(run: str, node: str) -> str:
    return f"splitbrain-{run}-{node}"


def network(run: str) -> str:
    return f"splitbrain-{run}"


def labels(kind: str, run: str, controller: Identity) -> dict[str, str]:
    """The labels of something that belongs to one run."""
    return {LABEL: kind, RUN_LABEL: run, CONTROLLER_LABEL: str(controller)}
