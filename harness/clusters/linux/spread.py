"""One network out of many: each node has a `HostNetwork` beside it, which has only that node at hand, and all are asked
together. For machines of their own, and for containers with an agent in each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any

from harness.clusters.base import Drops, Network, Shape
from harness.errors import HarnessError, UsageError
from harness.faults import Evidence, Status


class SpreadNetwork:
    """`at` holds the network beside each node: of the same names everywhere, made with `here` set to that node. A node
    that cannot be asked leaves its own evidence indeterminate, and is asked again by the next `mend`."""

    def __init__(self, at: Mapping[str, Network]) -> None:
        self._at = at
        self._asked: dict[str, set[str]] = {}

    async def cut(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`, but for the one swap: each node by itself, all at once."""
        self._begin(fault, drops)
        return await self._all({node: self._at[node].cut(fault, {node: list(drops[node])}) for node in drops})

    async def reject(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`."""
        self._begin(fault, drops)
        return await self._all({node: self._at[node].reject(fault, {node: list(drops[node])}) for node in drops})

    async def shape(self, fault: str, nodes: Sequence[str], shape: Shape) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`. What is lost is lost at the receivers: then all take part."""
        self._check(nodes)
        asked = self._at if shape.loss else dict.fromkeys(nodes)
        self._begin(fault, asked)
        return await self._all({node: self._at[node].shape(fault, nodes, shape) for node in asked})

    async def mend(self, fault: str) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`."""
        asked = sorted(self._asked.get(fault, ()))
        evidence = await self._all({node: self._at[node].mend(fault) for node in asked})
        if all(one.status is not Status.INDETERMINATE for one in evidence.values()):
            self._asked.pop(fault, None)
        return evidence

    def _begin(self, fault: str, nodes: Iterable[str]) -> None:
        self._check(nodes)
        if fault in self._asked:
            raise UsageError(f"the fault {fault!r} is in force on the network already; give each an id of its own")
        self._asked[fault] = set(nodes)

    def _check(self, nodes: Iterable[str]) -> None:
        for node in nodes:
            if node not in self._at:
                raise UsageError(f"there is no node {node!r}; nodes are {', '.join(self._at)}")

    async def _all(self, asked: Mapping[str, Awaitable[Mapping[str, Evidence]]]) -> dict[str, Evidence]:
        answers = await asyncio.gather(*asked.values(), return_exceptions=True)
        found: dict[str, list[Evidence]] = {}
        for node, answer in zip(asked, answers, strict=True):
            if isinstance(answer, HarnessError | OSError):
                found.setdefault(node, []).append(Evidence(Status.INDETERMINATE, why=f"{node}: {answer}"))
            elif isinstance(answer, BaseException):
                raise answer
            else:
                for name, evidence in answer.items():
                    found.setdefault(name, []).append(evidence)
        return {name: merge(parts) for name, parts in found.items()}


def merge(parts: Sequence[Evidence]) -> Evidence:
    """What several saw of one node: as sure as the least sure of them. Counts add up, lists are joined, and of
    everything else the first to tell is right."""
    statuses = {one.status for one in parts}
    worst = next(one for one in (Status.INDETERMINATE, Status.APPLIED, Status.SKIPPED) if one in statuses)
    measured: dict[str, Any] = {}
    for one in parts:
        for name, value in one.measured.items():
            told = measured.get(name)
            if name not in measured:
                measured[name] = value
            elif name.endswith("_packets") and isinstance(told, int) and isinstance(value, int):
                measured[name] = told + value
            elif isinstance(told, list) and isinstance(value, list):
                measured[name] = sorted({*told, *value})
    return Evidence(worst, measured, "; ".join(dict.fromkeys(one.why for one in parts if one.why)))
