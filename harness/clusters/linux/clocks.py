"""The clock capability of a cluster whose services run as processes of this machine: each process's vDSO, patched (see
`vdso`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from harness.clusters.linux import processes, vdso
from harness.clusters.linux.node import ServiceNode
from harness.clusters.linux.vdso_image import CannotPatch
from harness.clusters.linux.work import to_its_end
from harness.errors import UsageError
from harness.faults import Evidence, Status

RESCAN_S = 0.05
"""Looking for processes that a service has forked costs a millisecond, setting a known one's offset costs microseconds.
A strobe that changes the clock every millisecond looks this often; a child forked in between keeps the offset it
inherited for as long at most.
"""

STEP_S = 0.005
"""A clock that drifts is set this often: the patched code adds an offset and knows no rate. One that runs slow jumps
back by the rate times this long at each step, half a millisecond at a tenth."""

PROVING_S = 0.05
"""A drift is believed once it has been seen to gain for this long."""

NS_PER_MS = 1_000_000


@dataclass(slots=True)
class _State:
    """What is wanted of one node's clock and which processes have been patched. `patched` is changed only under the
    node's lock.
    """

    wanted_ns: int = 0
    patched: dict[int, vdso.Clock] = field(default_factory=dict)
    scanned_s: float = float("-inf")
    drifting: asyncio.Task[None] | None = None


class PatchedClocks:
    """Offsets of nodes' wall clocks. An offset belongs to the node, not to its process: `apply` puts it into a service
    just started.
    """

    def __init__(self, nodes: Mapping[str, ServiceNode], locks: Mapping[str, asyncio.Lock]) -> None:
        self._nodes = nodes
        self._locks = locks
        self._states = {name: _State() for name in locks}

    async def skew(self, node: str, offset_ms: float) -> Evidence:
        """See `harness.clusters.base.Clocks`. A node that is down takes its offset with it into its next start."""
        state = self._state(node)
        _end_drift(state)
        return await self._offset(node, state, round(offset_ms * NS_PER_MS))

    async def drift(self, node: str, ppm: int) -> Evidence:
        """See `harness.clusters.base.Clocks`. In steps of `STEP_S`; evidence is what it gained in the first few."""
        state = self._state(node)
        _end_drift(state)
        before = await self._offset(node, state, state.wanted_ns)
        began = time.monotonic()
        state.drifting = asyncio.create_task(self._drift(node, state, ppm), name=f"drift of {node}")
        if before.status is not Status.APPLIED:
            return before
        await asyncio.sleep(PROVING_S)
        after_ms = await to_its_end(partial(self._read_patched_ms, node))
        if after_ms is None:
            return Evidence(Status.SKIPPED, why="the node went down; its clock will start where it has drifted to")
        gained_ms = after_ms - before.measured["offset_ms"]
        measured = {"offset_ms": after_ms, "gained_ms": gained_ms, "in_ms": (time.monotonic() - began) * 1000}
        if gained_ms * ppm <= 0:
            return Evidence(Status.INDETERMINATE, measured, "the clock was not seen to drift")
        return Evidence(Status.APPLIED, measured)

    async def _drift(self, node: str, state: _State, ppm: int) -> None:
        from_ns, began_ns = state.wanted_ns, time.monotonic_ns()
        while True:
            await asyncio.sleep(STEP_S)
            # A node that is down takes its offset into its next start, so whatever this says, the next step is due.
            await self._offset(node, state, from_ns + (time.monotonic_ns() - began_ns) * ppm // 1_000_000)

    async def _offset(self, node: str, state: _State, offset_ns: int) -> Evidence:
        state.wanted_ns = offset_ns
        if state.patched and time.monotonic() - state.scanned_s < RESCAN_S:
            try:
                return self._set_known(state)
            except (ProcessLookupError, CannotPatch):
                pass  # killed or gone meanwhile: look again
        async with self._locks[node]:
            return await to_its_end(partial(self.apply, node))

    async def offsets(self) -> Mapping[str, float]:
        """See `harness.clusters.base.Clocks`: from the service's own answer where it gives one, else as read from its
        patched code, for example while it is stopped. Nodes that are down are left out: nobody reads a clock there.
        """
        found = await asyncio.gather(*(to_its_end(partial(self._read_ms, name)) for name in self._nodes))
        return {name: offset_ms for name, offset_ms in zip(self._nodes, found, strict=True) if offset_ms is not None}

    def apply(self, node: str) -> Evidence:
        """Puts the wanted offset into every process of the node's service. Blocks; the caller holds the node's lock."""
        state = self._state(node)
        pids = self._nodes[node].pids()
        for gone in set(state.patched) - set(pids):
            state.patched.pop(gone).close()
        for pid in pids:
            try:
                self._patch(state, pid)
            except ProcessLookupError:
                continue
            except CannotPatch as problem:
                return Evidence(Status.INDETERMINATE, {"pid": pid}, str(problem))
        state.scanned_s = time.monotonic()
        return self._set_known(state) if state.patched else self._untouched(node)

    def in_use(self, node: str) -> bool:
        """Whether a service that starts now has to be patched."""
        state = self._state(node)
        return state.wanted_ns != 0 or state.drifting is not None

    def close(self) -> None:
        """Lets go of all processes, patches left in place. Idempotent."""
        for state in self._states.values():
            _end_drift(state)
            while state.patched:
                state.patched.popitem()[1].close()

    @staticmethod
    def _patch(state: _State, pid: int) -> None:
        clock = state.patched.get(pid)
        if clock is not None:
            try:
                clock.offset_ns()
                return
            except (ProcessLookupError, CannotPatch):
                state.patched.pop(
                    pid
                ).close()  # the number is another process's now, or the process executes another program
        if state.wanted_ns or state.patched:
            state.patched[pid] = vdso.attach(pid)

    @staticmethod
    def _set_known(state: _State) -> Evidence:
        """Sets and reads back. Does not block."""
        read = []
        for clock in list(state.patched.values()):
            clock.set(state.wanted_ns)
            read.append(clock.offset_ns())
        measured = {"offset_ms": read[0] / NS_PER_MS, "pid": next(iter(state.patched)), "processes": len(read)}
        if any(offset != state.wanted_ns for offset in read):
            return Evidence(Status.INDETERMINATE, measured, "another offset was read back than was set")
        return Evidence(Status.APPLIED, measured)

    def _untouched(self, node: str) -> Evidence:
        """Nothing is patched: either nothing runs, or the clock is to be true and was never anything else."""
        offset_ms = self._read_ms(node)
        if offset_ms is None:
            return Evidence(Status.SKIPPED, {}, "the node was not running; its clock will start with this offset")
        return Evidence(Status.APPLIED, {"offset_ms": offset_ms})

    def _read_patched_ms(self, name: str) -> float | None:
        for pid in self._nodes[name].pids():
            try:
                return vdso.offset_ns(pid) / NS_PER_MS
            except (ProcessLookupError, CannotPatch):
                continue
        return None

    def _read_ms(self, name: str) -> float | None:
        node = self._nodes[name]
        for pid in node.pids():
            try:
                patched_ns = vdso.offset_ns(pid)
            except (ProcessLookupError, CannotPatch):
                continue
            return (patched_ns if processes.stopped(pid) else _confirmed(node, patched_ns)) / NS_PER_MS
        return None

    def _state(self, node: str) -> _State:
        try:
            return self._states[node]
        except KeyError:
            raise UsageError(f"there is no node {node!r}; nodes are {', '.join(self._nodes)}") from None


def _end_drift(state: _State) -> None:
    task, state.drifting = state.drifting, None
    if task is not None and not task.done():
        task.cancel()


def _confirmed(node: ServiceNode, patched_ns: int) -> int:
    """What the service itself says, ns: as exact as its patched code when both agree, else in the middle of what it can
    have meant.
    """
    before_ns = time.time_ns()
    wall_ns = node.wall_ns()
    after_ns = time.time_ns()
    if wall_ns is None:
        return patched_ns
    # The service looked at its clock some time between our two looks at ours.
    least, most = wall_ns - after_ns, wall_ns - before_ns
    return patched_ns if least <= patched_ns <= most else (least + most) // 2
