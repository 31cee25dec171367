"""The limits capability of a cluster whose services run as processes of this machine: control groups (see `cgroups`).

A limit belongs to the node, not to its processes: `place` puts into the node's group what has just been started.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from harness.clusters.linux import cgroups
from harness.clusters.linux.cgroups import Group
from harness.clusters.linux.node import ServiceNode
from harness.clusters.linux.work import to_its_end
from harness.errors import ClusterError, UsageError
from harness.faults import Evidence, Status


@dataclass(frozen=True, slots=True)
class _Fault:
    """What one fault wants of one node, and what the counters were when it came."""

    memory_bytes: int | None
    cpus: float | None
    oom_kills: int = 0
    limit_hits: int = 0
    throttled_ms: float = 0.0


@dataclass(slots=True)
class _State:
    """One node's group, what limits it had of its own, and the faults on it."""

    group: Group
    own_memory: int | None
    own_cpus: float | None
    faults: dict[str, _Fault] = field(default_factory=dict)


class CgroupLimits:
    """`group` gives the group of a node: one of its own, which a container has anyway, or one made for it. It is asked
    once per node, when the node is prepared or first limited, and may raise `ClusterError`."""

    def __init__(
        self,
        nodes: Mapping[str, ServiceNode],
        locks: Mapping[str, asyncio.Lock],
        group: Callable[[ServiceNode], Group],
    ) -> None:
        self._nodes = nodes
        self._locks = locks
        self._group = group
        self._states: dict[str, _State] = {}

    def prepare(self) -> None:
        """Makes every node's group, before the services start: memory counts where it was first asked for."""
        for name in self._nodes:
            self._state(name)

    def place(self, node: str) -> None:
        """Puts all processes of the node's service into its group, if it has one by now. Blocks; the caller holds the
        node's lock."""
        state = self._states.get(node)
        if state is not None:
            state.group.add(self._nodes[node].pids())

    async def limit(
        self, fault: str, nodes: Sequence[str], *, memory_bytes: int | None = None, cpus: float | None = None
    ) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Limits`."""
        for name in nodes:
            if name not in self._nodes:
                raise UsageError(f"there is no node {name!r}; nodes are {', '.join(self._nodes)}")
        wanted = _Fault(memory_bytes, cpus)
        return {name: await self._alone(name, partial(self._limit, fault, wanted)) for name in dict.fromkeys(nodes)}

    async def lift(self, fault: str) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Limits`."""
        hit = [name for name, state in self._states.items() if fault in state.faults]
        return {name: await self._alone(name, partial(self._lift, fault)) for name in hit}

    async def _alone(self, name: str, act: Callable[[str], Evidence]) -> Evidence:
        async with self._locks[name]:
            return await to_its_end(partial(act, name))

    def _limit(self, fault: str, wanted: _Fault, name: str) -> Evidence:
        state = self._state(name)
        if fault in state.faults:
            return Evidence(Status.SKIPPED, why=f"{fault} limits this node already")
        self.place(name)
        counted = _Fault(wanted.memory_bytes, wanted.cpus, *_counters(state.group, wanted))
        state.faults[fault] = counted
        try:
            return self._enforce(name, state, counted)
        except OSError as refused:
            return Evidence(Status.INDETERMINATE, why=f"the kernel refuses the limit: {refused.strerror}")

    def _lift(self, fault: str, name: str) -> Evidence:
        state = self._states[name]
        ended = state.faults[fault]
        oom_kills, limit_hits, throttled_ms = _counters(state.group, ended)
        rest = [one for id, one in state.faults.items() if id != fault]
        try:
            measured = _set(state, rest, ended)
        except OSError as refused:
            return Evidence(Status.INDETERMINATE, why=f"the kernel does not lift the limit: {refused.strerror}")
        del state.faults[fault]
        if ended.memory_bytes is not None:
            measured["oom_kills"] = oom_kills - ended.oom_kills
            measured["limit_hits"] = limit_hits - ended.limit_hits
        if ended.cpus is not None:
            measured["throttled_ms"] = round(throttled_ms - ended.throttled_ms, 3)
        return Evidence(Status.APPLIED, measured)

    def _enforce(self, name: str, state: _State, wanted: _Fault) -> Evidence:
        measured = _set(state, list(state.faults.values()), wanted)
        measured["processes"] = len(self._nodes[name].pids())
        if wanted.memory_bytes is not None:
            measured["used_bytes"] = state.group.memory_used()
            if measured["memory_bytes"] is None or measured["memory_bytes"] > wanted.memory_bytes:
                why = f"the service uses more than {wanted.memory_bytes} bytes already: it gets no more"
                return Evidence(Status.APPLIED, measured, why)
        return Evidence(Status.APPLIED, measured)

    def _state(self, name: str) -> _State:
        state = self._states.get(name)
        if state is None:
            group = self._group(self._nodes[name])
            own_memory = group.memory_limit() if cgroups.MEMORY in group.directories else None
            own_cpus = group.cpus() if cgroups.CPU in group.directories else None
            state = self._states[name] = _State(group, own_memory, own_cpus)
        return state


def _set(state: _State, faults: Sequence[_Fault], changed: _Fault) -> dict[str, Any]:
    """Puts the tightest of these faults' limits in force, where `changed` speaks of them; returns what is read back."""
    measured: dict[str, Any] = {}
    group = state.group
    if changed.memory_bytes is not None:
        group.limit_memory(_least(state.own_memory, *(one.memory_bytes for one in faults)))
        measured["memory_bytes"] = group.memory_limit()
    if changed.cpus is not None:
        group.limit_cpus(_least(state.own_cpus, *(one.cpus for one in faults)))
        measured["cpus"] = group.cpus()
    return measured


def _least(*limits: Any) -> Any:
    return min((limit for limit in limits if limit is not None), default=None)


def _counters(group: Group, wanted: _Fault) -> tuple[int, int, float]:
    if wanted.memory_bytes is not None and cgroups.MEMORY not in group.directories:
        raise ClusterError("the memory control group cannot be had here")
    return (
        group.oom_kills() if wanted.memory_bytes is not None else 0,
        group.memory_hits() if wanted.memory_bytes is not None else 0,
        group.throttled_ms() if wanted.cpus is not None else 0.0,
    )
