"""One network out of many: each node has a `HostNetwork` beside it, which has only that node at hand, and all are asked
together. For machines of their own, and for containers with an agent in each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.clusters.base import Drops, Network, Shape
from harness.errors import HarnessError, UsageError
from harness.faults import Evidence, Status


class SpreadNetwork:
    """`at` holds the network beside each node: of the same names everywhere, made with `here` set to that node. A node
    that cannot be asked leaves its own evidence indeterminate, and is asked again by the next `mend`."""

    def __init__(self, at: Mapping[str, Network]) -> None:
        self._at = at
        self._asked = Asked()

    async def cut(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`, but for the one swap: each node by itself, all at once."""
        self._begin(fault, drops)
        return await ask({node: self._at[node].cut(fault, {node: list(drops[node])}) for node in drops})

    async def reject(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`."""
        self._begin(fault, drops)
        return await ask({node: self._at[node].reject(fault, {node: list(drops[node])}) for node in drops})

    async def shape(self, fault: str, nodes: Sequence[str], shape: Shape) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`. What is lost is lost at the receivers: then all take part."""
        check(self._at, nodes)
        asked = self._at if shape.loss else dict.fromkeys(nodes)
        self._begin(fault, asked)
        return await ask({node: self._at[node].shape(fault, nodes, shape) for node in asked})

    async def mend(self, fault: str) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`."""
        return await self._asked.mend(fault, lambda node: self._at[node].mend(fault))

    def _begin(self, fault: str, nodes: Iterable[str]) -> None:
        asked = list(nodes)
        check(self._at, asked)
        if fault in self._asked:
            raise UsageError(f"the fault {fault!r} is in force on the network already; give each an id of its own")
        self._asked.begin(fault, asked)


class Asked:
    """Which nodes were asked for which fault, and have not said since that it is over."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[str, None]] = {}

    def __contains__(self, fault: str) -> bool:
        return fault in self._nodes

    def begin(self, fault: str, nodes: Iterable[str]) -> None:
        """These nodes are about to be asked."""
        self._nodes.setdefault(fault, {}).update(dict.fromkeys(nodes))

    def spare(self, fault: str, nodes: Iterable[str]) -> None:
        """The fault was not put in force on these."""
        for node in nodes:
            self._nodes[fault].pop(node, None)

    async def mend(self, fault: str, mend: Callable[[str], Awaitable[Mapping[str, Evidence]]]) -> dict[str, Evidence]:
        """Has the fault lifted on those nodes. One that knows nothing of it was lost and came back meanwhile, and the
        fault had ended then: that is told once."""
        nodes = list(self._nodes.get(fault, ()))
        answers = await _each({node: mend(node) for node in nodes})
        for node, answer in answers.items():
            if not answer:
                answers[node] = {node: Evidence(Status.INDETERMINATE, why=_FORGOTTEN)}
            elif any(one.status is Status.INDETERMINATE for one in answer.values()):
                continue
            self._nodes[fault].pop(node)
        if not self._nodes.get(fault):
            self._nodes.pop(fault, None)
        return _by_name(answers)


_FORGOTTEN = "whoever did it there is gone, and put it back at some time before"


async def ask(asked: Mapping[str, Awaitable[Mapping[str, Evidence]]]) -> dict[str, Evidence]:
    """The evidence of all who were asked; of one that cannot be, indeterminate."""
    return _by_name(await _each(asked))


def check(at: Mapping[str, Any], nodes: Iterable[str]) -> None:
    """Raises `UsageError` for a node that is not there."""
    for node in nodes:
        if node not in at:
            raise UsageError(f"there is no node {node!r}; nodes are {', '.join(at)}")


async def _each(asked: Mapping[str, Awaitable[Mapping[str, Evidence]]]) -> dict[str, Mapping[str, Evidence]]:
    answers = await asyncio.gather(*asked.values(), return_exceptions=True)
    found: dict[str, Mapping[str, Evidence]] = {}
    for node, answer in zip(asked, answers, strict=True):
        if isinstance(answer, HarnessError | OSError):
            found[node] = {node: Evidence(Status.INDETERMINATE, why=f"{node}: {answer}")}
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found[node] = answer
    return found


def _by_name(answers: Mapping[str, Mapping[str, Evidence]]) -> dict[str, Evidence]:
    found: dict[str, list[Evidence]] = {}
    for answer in answers.values():
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
