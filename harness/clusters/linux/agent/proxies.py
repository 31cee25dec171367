"""The capabilities of a cluster whose agent does the work: the same methods, passed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.clusters.base import Corruption, Drops, Impairment, Shape
from harness.clusters.linux.agent.remote import Agent
from harness.faults import Evidence


class RemoteNetwork:
    """`harness.clusters.base.Network`, by an agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def cut(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        return await self._agent.evidence("network.cut", fault, drops)

    async def reject(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        return await self._agent.evidence("network.reject", fault, drops)

    async def shape(self, fault: str, nodes: Sequence[str], shape: Shape) -> Mapping[str, Evidence]:
        return await self._agent.evidence("network.shape", fault, nodes, shape)

    async def mend(self, fault: str) -> Mapping[str, Evidence]:
        return await self._agent.evidence("network.mend", fault)


class RemoteProcesses:
    """`harness.clusters.base.Processes`, by an agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def kill(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        return await self._agent.evidence("processes.kill", nodes)

    async def start(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        return await self._agent.evidence("processes.start", nodes)

    async def pause(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        return await self._agent.evidence("processes.pause", nodes)

    async def resume(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        return await self._agent.evidence("processes.resume", nodes)

    async def alive(self) -> Mapping[str, bool]:
        alive: Mapping[str, bool] = await self._agent.call("processes.alive")
        return alive


class RemoteClocks:
    """`harness.clusters.base.Clocks`, by an agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def skew(self, node: str, offset_ms: float) -> Evidence:
        evidence: Evidence = await self._agent.call("clocks.skew", node, offset_ms)
        return evidence

    async def drift(self, node: str, ppm: int) -> Evidence:
        evidence: Evidence = await self._agent.call("clocks.drift", node, ppm)
        return evidence

    async def offsets(self) -> Mapping[str, float]:
        offsets: Mapping[str, float] = await self._agent.call("clocks.offsets")
        return offsets


class RemoteLimits:
    """`harness.clusters.base.Limits`, by an agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def limit(
        self, fault: str, nodes: Sequence[str], *, memory_bytes: int | None = None, cpus: float | None = None
    ) -> Mapping[str, Evidence]:
        return await self._agent.evidence("limits.limit", fault, nodes, memory_bytes=memory_bytes, cpus=cpus)

    async def lift(self, fault: str) -> Mapping[str, Evidence]:
        return await self._agent.evidence("limits.lift", fault)


class RemoteDisks:
    """`harness.clusters.base.Disks`, by an agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def impair(self, fault: str, nodes: Sequence[str], impairment: Impairment) -> Mapping[str, Evidence]:
        return await self._agent.evidence("disks.impair", fault, nodes, impairment)

    async def repair(self, fault: str) -> Mapping[str, Evidence]:
        return await self._agent.evidence("disks.repair", fault)

    async def lose_power(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        return await self._agent.evidence("disks.lose_power", nodes)

    async def corrupt(self, nodes: Sequence[str], corruption: Corruption) -> Mapping[str, Evidence]:
        return await self._agent.evidence("disks.corrupt", nodes, corruption)


class RemoteFiles:
    """`harness.clusters.base.Files`, by an agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def get(self, node: str, path: str) -> str:
        text: str = await self._agent.call("files.get", node, path)
        return text

    async def put(self, node: str, path: str, text: str) -> None:
        await self._agent.call("files.put", node, path, text)
