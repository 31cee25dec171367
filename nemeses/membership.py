"""Membership: one node at a time is taken out of the target's cluster, and taken in again when the fault is healed.

A node that left is still there: its machine, its network and its clients stay, and whoever asks it finds out what a
node says that does not belong any more. Never so few belong that the next loss would be theirs: a node leaves only
while at least three, and more than half of all, stay.

Whether a change that came to no answer was made is read back from the members that the target itself names, until they
say so or a time is up; a fault whose change is still unknown then is indeterminate, and healing tries again.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from harness import options
from harness.client import Failed, Indeterminate
from harness.clusters.base import Cluster
from harness.errors import HarnessError, Unsupported
from harness.faults import Evidence, Fault, Injection, Status
from harness.target import Membership, Target
from harness.toll import Toll
from nemeses.victims import Victims, resolve

TARGETS = ("one", "primaries")

LEAST = 3
"""Fewer never stay: a cluster of two that loses one has lost its majority."""

LOOK_S = 0.2
"""Between two looks at who belongs, while a change is pending."""


class Members:
    """`targets`: of whom one is drawn to leave, see `nemeses.victims`. `patience`: how long a change that came to no
    answer is waited for, and a joining that failed is tried again."""

    family: ClassVar[str] = "membership"
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *, interval: float | str = 10, targets: Any = None, patience: float | str = 20) -> None:
        self.interval_s = options.interval(self.family, interval)
        self.victims = Victims.of(self.family, targets, TARGETS)
        self.patience_s = options.duration(self.family, "patience", patience, min_s=0.1, max_s=100)
        self._membership: Membership | None = None
        self._left: dict[str, str] = {}

    def meet(self, target: Target) -> None:
        """Whose members it will be that come and go. Raises `Unsupported` for a target whose members are fixed."""
        self._membership = target.membership
        if self._membership is None:
            raise Unsupported(f"{target.name} cannot do membership: its members are fixed")

    def draw(self, random: _random.Random) -> Mapping[str, Any]:
        """`{"targets": spec, "seed": n}`."""
        return self.victims.draw(random)

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        """Who has left serves nobody, and is started again by who takes it in."""
        return Toll.holding([_one(draw, nodes)])

    async def setup(self, cluster: Cluster) -> None:
        """Raises `UsageError` for a node that is not there."""
        self.victims.check(cluster.nodes)

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        node = _one(fault.draw, cluster.nodes)
        resolved = {"nodes": [node]}
        before = await self._members(cluster)
        if why := _refusal(node, before, cluster.nodes):
            return Injection(resolved, {node: Evidence(Status.SKIPPED, {"members": _plain(before)}, why)})
        self._left[fault.id] = node  # before the act: one that fails half way is healed, too
        evidence = await self._change(cluster, node, self._target().leave, belongs=False)
        if evidence.status is Status.SKIPPED:
            del self._left[fault.id]
        return Injection(resolved, {node: evidence})

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        node = self._left.get(fault.id)
        if node is None:
            return {}
        evidence = await self._join(cluster, node)
        if evidence.status is Status.APPLIED:
            del self._left[fault.id]
        return {node: evidence}

    async def teardown(self, cluster: Cluster) -> None:
        """Takes in whoever is still out. Raises `HarnessError` for who cannot be taken in."""
        out = list(dict.fromkeys(self._left.values()))
        self._left.clear()
        for node in out:
            evidence = await self._join(cluster, node)
            if evidence.status is not Status.APPLIED:
                raise HarnessError(f"{node} could not be taken in again: {evidence.why}")

    async def _join(self, cluster: Cluster, node: str) -> Evidence:
        """Until it belongs, however often that takes within the time there is."""
        deadline = asyncio.get_running_loop().time() + self.patience_s
        while True:
            try:
                members = await self._members(cluster)
            except HarnessError as problem:
                evidence = Evidence(Status.INDETERMINATE, why=str(problem))
            else:
                if node in members:
                    return Evidence(Status.APPLIED, {"members": _plain(members)})
                evidence = await self._change(cluster, node, self._target().join, belongs=True)
            if evidence.status is Status.APPLIED:
                return evidence
            if asyncio.get_running_loop().time() >= deadline:
                # Skipped would say that there was nothing to heal.
                return Evidence(Status.INDETERMINATE, evidence.measured, evidence.why)
            await asyncio.sleep(LOOK_S)

    async def _change(
        self, cluster: Cluster, node: str, act: Callable[[Cluster, str], Awaitable[None]], *, belongs: bool
    ) -> Evidence:
        """Asks for one change, and reads back whether it was made."""
        pending = ""
        try:
            await act(cluster, node)
        except Failed as refused:
            return Evidence(Status.SKIPPED, why=f"the target refused: {refused.error}")
        except Indeterminate as doubt:
            pending = f"it came to no answer: {doubt.error}"
        deadline = asyncio.get_running_loop().time() + self.patience_s
        while True:
            try:
                members = await self._members(cluster)
                if (node in members) is belongs:
                    return Evidence(Status.APPLIED, {"members": _plain(members)}, pending)
                seen: dict[str, Any] = {"members": _plain(members)}
            except HarnessError as problem:
                seen, pending = {}, pending or str(problem)
            if asyncio.get_running_loop().time() >= deadline:
                why = pending or "the target said it was done, and its members do not show it"
                return Evidence(Status.INDETERMINATE, seen, why)
            await asyncio.sleep(LOOK_S)

    async def _members(self, cluster: Cluster) -> set[str]:
        return set(await self._target().members(cluster))

    def _target(self) -> Membership:
        assert self._membership is not None, "a nemesis of members meets its target before the run"
        return self._membership


def _one(draw: Mapping[str, Any], nodes: Sequence[str]) -> str:
    drawn = resolve(draw, nodes)
    return drawn[_random.Random(draw["seed"] + 1).randrange(len(drawn))]


def _refusal(node: str, members: set[str], nodes: Sequence[str]) -> str:
    if node not in members:
        return "it does not belong"
    left = len(members) - 1
    if left < LEAST or 2 * left <= len(nodes):
        return f"only {left} of {len(nodes)} nodes would still belong"
    return ""


def _plain(members: set[str]) -> list[str]:
    return sorted(members)
