"""What this machine can do: every installed cluster's own answer, for each fault, with the reason for each no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import plugins
from harness.clusters.base import CAPABILITIES
from harness.errors import SplitbrainError

POWERS = ("available", *CAPABILITIES)
"""The columns: whether the cluster can be used at all, then the faults."""


ASK_THE_MACHINES = "it depends on the machines: ask them with --hosts"
"""The answer for what only other machines could say."""


def examine() -> Mapping[str, Mapping[str, str | None]]:
    """Cluster -> power -> None when it works here, else why not. Changes nothing on the machine. A cluster that cannot
    even be asked, which only an installed plugin could bring about, gets its error as the reason everywhere.
    """
    return {name: _answers(name) for name in plugins.names("clusters")}


def examine_machines(options: Mapping[str, Any]) -> Mapping[str, Mapping[str, str | None]]:
    """Machine -> power -> None when it works there, else why not. `options` are those of an ssh cluster. Raises
    `UsageError`."""
    answers: Mapping[str, Mapping[str, str | None]] = plugins.load("clusters", "ssh").probe_hosts(options)
    return answers


def _answers(name: str) -> dict[str, str | None]:
    try:
        cluster = plugins.load("clusters", name)
        given = cluster.probe()
    except SplitbrainError as problem:
        return dict.fromkeys(POWERS, str(problem))
    if hasattr(cluster, "probe_hosts") and given.get("available") is None:
        return {"available": None, **dict.fromkeys(CAPABILITIES, ASK_THE_MACHINES)}
    return {power: given.get(power, "it does not know this fault") for power in POWERS}
