"""What this machine can do: every installed cluster's own answer, for each fault, with the reason for each no."""

from __future__ import annotations

from collections.abc import Mapping

from harness import plugins
from harness.clusters.base import CAPABILITIES
from harness.errors import SplitbrainError

POWERS = ("available", *CAPABILITIES)
"""The columns: whether the cluster can be used at all, then the faults."""


def examine() -> Mapping[str, Mapping[str, str | None]]:
    """Cluster -> power -> None when it works here, else why not. Changes nothing on the machine. A cluster that cannot
    even be asked, which only an installed plugin could bring about, gets its error as the reason everywhere.
    """
    return {name: _answers(name) for name in plugins.names("clusters")}


def _answers(name: str) -> dict[str, str | None]:
    try:
        given = plugins.load("clusters", name).probe()
    except SplitbrainError as problem:
        return dict.fromkeys(POWERS, str(problem))
    return {power: given.get(power, "it does not know this fault") for power in POWERS}
