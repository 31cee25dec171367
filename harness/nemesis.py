"""The nemesis contract: a package that injects and heals one family of faults.

A nemesis chooses whom, what and when; how is the business of the cluster's capabilities (`harness.clusters.base`). The
interpreter gives each nemesis of a plan a worker of its own, so one slow fault blocks no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from harness.faults import Evidence, Fault, Injection
from harness.toll import Toll

if TYPE_CHECKING:
    import random

    from harness.clusters.base import Cluster
    from harness.target import Target


class Nemesis(Protocol):
    """Entry-point group `splitbrain.nemeses`; called with the options of the plan's entry, all JSON values.

    Options every nemesis takes: `interval` (seconds, mean time between two events; a fault lasts about as long as the
    pause after it). Unknown or malformed options raise `UsageError`.
    """

    family: ClassVar[str]
    """The fault's name: `partition`, `kill`, ... Ops are called `start-<family>` and `stop-<family>`."""

    @property
    def needs(self) -> frozenset[str]:
        """The capabilities a cluster must have: names out of `harness.clusters.base.CAPABILITIES`."""
        ...

    interval_s: float

    def draw(self, random: random.Random) -> Mapping[str, Any]:
        """Chooses the next fault, as JSON. Pure but for the stream it draws from."""
        ...

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        """What the fault of that draw may take from a cluster of these nodes, at worst. Pure; `draw` as in `inject`."""
        ...

    async def setup(self, cluster: Cluster) -> None:
        """Before the load. May probe; must not disturb."""

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        """Puts the fault in force and reads back evidence from each node it hits.

        Where the draw has a value `"primaries"`, the fault's draw also has, under that name, the nodes that the target
        says they are at this moment (maybe none).
        """
        ...

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        """Takes the fault back, also one whose injection failed half way; idempotent.

        Evidence, per node: that it is gone, and what it did while in force (packets dropped, milliseconds stopped).
        """
        ...

    async def teardown(self, cluster: Cluster) -> None:
        """After the last heal: whatever this family could have left behind, on every node."""


@runtime_checkable
class MeetsTarget(Protocol):
    """What a nemesis offers beside, when it needs more of the target than its nodes."""

    def meet(self, target: Target) -> None:
        """Called once, before anything is started. Raises `Unsupported` for a target that lacks what it needs."""
        ...
