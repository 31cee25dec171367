"""The other capabilities of nodes that each have an agent beside them (for the network, see `spread`): every node is
asked by itself, all at once, and one that cannot be asked spoils no other's evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from harness.clusters.base import Clocks, Corruption, Disks, Files, Impairment, Limits, Processes
from harness.clusters.linux.spread import Asked, ask, check
from harness.errors import HarnessError, NodeError
from harness.faults import Evidence, Status


class SpreadProcesses:
    """`harness.clusters.base.Processes`. `wanted` are the nodes that are to run: started, and not killed since."""

    def __init__(self, at: Mapping[str, Processes]) -> None:
        self._at = at
        self.wanted: set[str] = set()

    async def kill(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        check(self._at, nodes)
        self.wanted -= set(nodes)
        return await ask({node: self._at[node].kill([node]) for node in nodes})

    async def start(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        check(self._at, nodes)
        self.wanted |= set(nodes)
        names = list(dict.fromkeys(nodes))
        answers = await asyncio.gather(*(self._at[node].start([node]) for node in names), return_exceptions=True)
        found: dict[str, Evidence] = {}
        problems = []
        for node, answer in zip(names, answers, strict=True):
            if isinstance(answer, HarnessError | OSError):
                problems.append(str(answer) if isinstance(answer, NodeError) else f"{node}: {answer}")
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found |= answer
        if problems:
            raise NodeError("\n".join(problems))
        return found

    async def pause(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        check(self._at, nodes)
        return await ask({node: self._at[node].pause([node]) for node in nodes})

    async def resume(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        check(self._at, nodes)
        return await ask({node: self._at[node].resume([node]) for node in nodes})

    async def alive(self) -> Mapping[str, bool]:
        """Of a node that cannot be asked nobody knows better than that it is."""
        answers = await asyncio.gather(*(each.alive() for each in self._at.values()), return_exceptions=True)
        found = dict.fromkeys(self._at, True)
        for answer in answers:
            if not isinstance(answer, BaseException):
                found |= answer
            elif not isinstance(answer, HarnessError | OSError):
                raise answer
        return found


class SpreadClocks:
    """`harness.clusters.base.Clocks`."""

    def __init__(self, at: Mapping[str, Clocks]) -> None:
        self._at = at

    async def skew(self, node: str, offset_ms: float) -> Evidence:
        check(self._at, [node])
        try:
            return await self._at[node].skew(node, offset_ms)
        except (HarnessError, OSError) as problem:
            return Evidence(Status.INDETERMINATE, why=f"{node}: {problem}")

    async def drift(self, node: str, ppm: int) -> Evidence:
        check(self._at, [node])
        try:
            return await self._at[node].drift(node, ppm)
        except (HarnessError, OSError) as problem:
            return Evidence(Status.INDETERMINATE, why=f"{node}: {problem}")

    async def offsets(self) -> Mapping[str, float]:
        """Nodes that cannot be asked are left out."""
        answers = await asyncio.gather(*(each.offsets() for each in self._at.values()), return_exceptions=True)
        found: dict[str, float] = {}
        for answer in answers:
            if not isinstance(answer, BaseException):
                found |= answer
            elif not isinstance(answer, HarnessError | OSError):
                raise answer
        return found


class SpreadLimits:
    """`harness.clusters.base.Limits`."""

    def __init__(self, at: Mapping[str, Limits]) -> None:
        self._at = at
        self._asked = Asked()

    async def limit(
        self, fault: str, nodes: Sequence[str], *, memory_bytes: int | None = None, cpus: float | None = None
    ) -> Mapping[str, Evidence]:
        check(self._at, nodes)
        self._asked.begin(fault, nodes)
        return await ask(
            {node: self._at[node].limit(fault, [node], memory_bytes=memory_bytes, cpus=cpus) for node in nodes}
        )

    async def lift(self, fault: str) -> Mapping[str, Evidence]:
        return await self._asked.mend(fault, lambda node: self._at[node].lift(fault))


class SpreadDisks:
    """`harness.clusters.base.Disks`."""

    def __init__(self, at: Mapping[str, Disks]) -> None:
        self._at = at
        self._asked = Asked()

    async def impair(self, fault: str, nodes: Sequence[str], impairment: Impairment) -> Mapping[str, Evidence]:
        check(self._at, nodes)
        self._asked.begin(fault, nodes)
        found = await ask({node: self._at[node].impair(fault, [node], impairment) for node in nodes})
        self._asked.spare(fault, [node for node in nodes if found[node].status is Status.SKIPPED])
        return found

    async def repair(self, fault: str) -> Mapping[str, Evidence]:
        return await self._asked.mend(fault, lambda node: self._at[node].repair(fault))

    async def lose_power(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        check(self._at, nodes)
        return await ask({node: self._at[node].lose_power([node]) for node in nodes})

    async def corrupt(self, nodes: Sequence[str], corruption: Corruption) -> Mapping[str, Evidence]:
        check(self._at, nodes)
        return await ask({node: self._at[node].corrupt([node], corruption) for node in nodes})


class SpreadFiles:
    """`harness.clusters.base.Files`."""

    def __init__(self, at: Mapping[str, Files]) -> None:
        self._at = at

    async def get(self, node: str, path: str) -> str:
        check(self._at, [node])
        return await self._at[node].get(node, path)

    async def put(self, node: str, path: str, text: str) -> None:
        check(self._at, [node])
        await self._at[node].put(node, path, text)
