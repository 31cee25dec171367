"""Packages of nemeses: one word in a plan for several families of faults.

    nemeses: [standard]                             # partition, kill, pause, clock
    nemeses: [{name: all, interval: 5s}, {name: kill, targets: majority}]

A package's options go to each of its members; a family that the plan also names by itself is as that entry says. `all`
is every family that is installed, that this cluster and this target can do, and that, unless the plan says what to
expect, the target promises something under. The run's own plan names the families, so that it can be repeated
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from harness import plugins
from harness.clusters.base import Cluster
from harness.errors import Unsupported, UsageError
from harness.nemesis import MeetsTarget
from harness.plan import Part, Plan
from harness.target import Target

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "standard": ("partition", "kill", "pause", "clock"),
    "process": ("kill", "pause"),
    "network": ("partition", "packet"),
    "storage": ("disk", "power"),
}

ALL = "all"

Make = Callable[[str, Part], Any]


def expand(plan: Plan, target: Target, cluster: type[Cluster], make: Make) -> Plan:
    """The plan with families in place of packages; the same plan where it names none. Raises `UsageError` for options
    that a member does not take, or when `all` comes to nothing."""
    if not any(part.name in PACKAGES or part.name == ALL for part in plan.nemeses):
        return plan
    alone = {part.name: part for part in plan.nemeses if part.name not in PACKAGES and part.name != ALL}
    parts: dict[str, Part] = {}
    for part in plan.nemeses:
        if part.name == ALL:
            members: Collection[str] = _possible(part, plan, target, cluster, make)
        else:
            members = PACKAGES.get(part.name, (part.name,))
        for name in members:
            parts.setdefault(name, alone.get(name) or Part(name=name, options=part.options))
    return plan.model_copy(update={"nemeses": list(parts.values())})


def _possible(part: Part, plan: Plan, target: Target, cluster: type[Cluster], make: Make) -> list[str]:
    powers = cluster.probe()
    promised = {
        family for claim in target.claims if claim.speaks_for(plan.workload.name, ()) for family in claim.nemeses
    }
    found = []
    for name in plugins.names("nemeses"):
        if not plan.expect and name not in promised:
            continue
        nemesis = make("nemeses", Part(name=name, options=part.options))
        if any(powers.get(need, "unknown") for need in nemesis.needs) or not _meets(nemesis, target):
            continue
        found.append(name)
    if not found:
        raise UsageError(
            f"nemeses: all comes to nothing here: {plan.cluster.name} can do no fault under which {target.name} "
            "promises anything; see splitbrain doctor, or say what to expect"
        )
    return found


def _meets(nemesis: Any, target: Target) -> bool:
    try:
        if isinstance(nemesis, MeetsTarget):
            nemesis.meet(target)
    except Unsupported:
        return False
    return True
