"""The process capability of a cluster whose services run as processes of this machine: signals, and proof that they
worked.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from harness.clusters.linux import processes
from harness.clusters.linux.clocks import PatchedClocks
from harness.clusters.linux.limits import CgroupLimits
from harness.clusters.linux.node import ServiceNode
from harness.clusters.linux.work import to_its_end
from harness.errors import ClusterError, NodeError, UsageError
from harness.faults import Evidence, Status

SIGNAL_TIMEOUT_S = 5.0
START_TIMEOUT_S = 15.0
POLL_S = 0.005

ROUNDS = 50
"""A process may fork while its list is being read: signal, look again, until nobody new is found. Nothing forks this
often for long.
"""

_NOT_RUNNING = Evidence(Status.SKIPPED, why="the node was not running")


class Attendant(Protocol):
    """Who has to know when a service starts, and may know why it cannot: faults that outlive the service's
    processes."""

    def launched(self, node: ServiceNode) -> Mapping[str, Any]:
        """The service was started; puts what is in force on its processes and says so. Never raises."""
        ...

    def excuse(self, node: str) -> str | None:
        """Why this node may fail to start or to die, or None."""
        ...


class Services:
    """Kill, start, pause and resume. Each node has one lock, so that no two faults work on one node's processes at the
    same time.
    """

    def __init__(
        self,
        nodes: Mapping[str, ServiceNode],
        locks: Mapping[str, asyncio.Lock],
        clocks: PatchedClocks,
        closing: Callable[[], bool],
        limits: CgroupLimits | None = None,
    ) -> None:
        self._nodes = nodes
        self._locks = locks
        self._clocks = clocks
        self._closing = closing
        self._limits = limits
        self._paused_at: dict[str, float] = {}
        self._seen: dict[str, processes.Process | None] = {}
        self._attendant: Attendant | None = None

    def attend(self, attendant: Attendant) -> None:
        """From now on, somebody is told of starts and asked for excuses."""
        self._attendant = attendant

    async def kill(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """SIGKILL to every process of the service; evidence once all are gone."""
        return await self._on_each(nodes, self.end)

    async def start(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """Starts what is not running, its clock offset in force from its first instructions, and waits until it
        answers. Raises `NodeError`, with the last lines of its log, when a node does not come up and has no excuse,
        once all have tried.
        """
        return await self._on_each(nodes, self._start_if_it_can)

    async def pause(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """SIGSTOP to every process of the service; evidence once every thread is in state T."""
        return await self._on_each(nodes, self._pause)

    async def resume(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """SIGCONT to every process of the service; evidence with how long it stood still."""
        return await self._on_each(nodes, self._resume)

    async def alive(self) -> Mapping[str, bool]:
        """See `harness.clusters.base.Processes`. A process that was there at the last look answers for its service;
        only where it is gone are all of the machine's processes looked through."""
        return await to_its_end(self._alive)

    def _alive(self) -> dict[str, bool]:
        for name, node in self._nodes.items():
            seen = self._seen.get(name)
            if seen is None or not _is(seen):
                self._seen[name] = next((one for pid in node.pids() if (one := _process(pid))), None)
        return {name: self._seen[name] is not None for name in self._nodes}

    async def _on_each(self, nodes: Sequence[str], act: Callable[[ServiceNode], Evidence]) -> Mapping[str, Evidence]:
        names = list(dict.fromkeys(nodes))
        for name in names:
            if name not in self._nodes:
                raise UsageError(f"there is no node {name!r}; nodes are {', '.join(self._nodes)}")
        results = await asyncio.gather(*(self._alone(name, act) for name in names), return_exceptions=True)
        unexpected = [
            result for result in results if isinstance(result, BaseException) and not isinstance(result, NodeError)
        ]
        if unexpected:
            raise unexpected[0]
        failures = [str(result) for result in results if isinstance(result, NodeError)]
        if failures:
            raise NodeError("\n".join(failures))
        return {name: result for name, result in zip(names, results, strict=True) if isinstance(result, Evidence)}

    async def _alone(self, name: str, act: Callable[[ServiceNode], Evidence]) -> Evidence:
        async with self._locks[name]:
            return await to_its_end(partial(act, self._nodes[name]))

    def end(self, node: ServiceNode) -> Evidence:
        """Kills one node's service, for who holds the node's lock. Blocks."""
        self._paused_at.pop(node.name, None)
        try:
            hit = self._signal_all(node, signal.SIGKILL, processes.wait_gone)
        except ClusterError as resisted:
            if excuse := self._excuse(node):  # it dies as soon as its last access to the disk ends
                return Evidence(Status.INDETERMINATE, {"pids": node.pids()}, f"{resisted}: {excuse}")
            raise
        if not hit:
            return _NOT_RUNNING
        return Evidence(Status.APPLIED, {"killed_pids": hit, "living_processes": len(node.pids())})

    def _pause(self, node: ServiceNode) -> Evidence:
        pids = node.pids()
        if pids and all(processes.stopped(pid) for pid in pids):
            return Evidence(Status.SKIPPED, why="the node was paused")
        hit = self._signal_all(node, signal.SIGSTOP, processes.wait_stopped)
        if not hit:
            return _NOT_RUNNING
        self._paused_at[node.name] = time.monotonic()
        return Evidence(Status.APPLIED, {"stopped_pids": hit, "state": "".join(processes.state(pid) for pid in hit)})

    def _resume(self, node: ServiceNode) -> Evidence:
        since = self._paused_at.pop(node.name, None)
        pids = node.pids()
        if not pids:
            return _NOT_RUNNING
        if not any(processes.stopped(pid) for pid in pids):
            return Evidence(Status.SKIPPED, why="the node was running")
        processes.send(pids, signal.SIGCONT)
        measured: dict[str, Any] = {"pids": pids, "state": "".join(processes.state(pid) for pid in pids)}
        if since is not None:
            measured["paused_ms"] = round((time.monotonic() - since) * 1000)
        if any(processes.stopped(pid) for pid in pids):
            return Evidence(Status.INDETERMINATE, measured, "a process is still stopped: somebody else stops it")
        return Evidence(Status.APPLIED, measured)

    def _excuse(self, node: ServiceNode) -> str | None:
        return None if self._attendant is None else self._attendant.excuse(node.name)

    def _start_if_it_can(self, node: ServiceNode) -> Evidence:
        try:
            return self._start(node)
        except NodeError as failure:
            if excuse := self._excuse(node):
                measured = {"living_processes": len(node.pids())}
                return Evidence(Status.INDETERMINATE, measured, f"{excuse}, and it does not start: {failure}")
            raise

    def _start(self, node: ServiceNode) -> Evidence:
        pids = node.pids()
        if pids:
            return Evidence(Status.SKIPPED, why="the node was running")
        began = time.monotonic()
        launched = node.launch()
        self._place(node)
        if self._clocks.in_use(node.name):
            # As early as can be, and once more below: until then it may have executed its program, which drops the
            # patch, or forked.
            self._clocks.apply(node.name)
        self._wait_until_it_answers(node, launched, began + START_TIMEOUT_S)
        self._place(node)
        measured: dict[str, Any] = {
            "pids": list(launched),
            "port": node.port,
            "answered_after_ms": round((time.monotonic() - began) * 1000),
        }
        if self._attendant is not None:
            measured |= self._attendant.launched(node)
        if self._clocks.in_use(node.name):
            clock = self._clocks.apply(node.name)
            measured["clock"] = dict(clock.measured)
            if clock.status is not Status.APPLIED:
                return Evidence(Status.INDETERMINATE, measured, f"it runs, but with a true clock: {clock.why}")
        return Evidence(Status.APPLIED, measured)

    def _place(self, node: ServiceNode) -> None:
        if self._limits is not None:
            self._limits.place(node.name)

    def _wait_until_it_answers(self, node: ServiceNode, launched: Sequence[int], deadline: float) -> None:
        while True:
            if self._closing():
                raise NodeError(f"{node.name}: not waited for, because the cluster is being removed")
            if not all(map(processes.alive, launched)):
                raise NodeError(_with_log(f"{node.name} crashed at start", node))
            if node.answers():
                return
            if time.monotonic() >= deadline:
                raise NodeError(
                    _with_log(f"{node.name} does not answer on port {node.port} after {START_TIMEOUT_S:g} s", node)
                )
            time.sleep(POLL_S)

    def _signal_all(
        self, node: ServiceNode, number: signal.Signals, wait: Callable[[Sequence[int], float], list[int]]
    ) -> list[int]:
        """Signals until nobody is left to signal; returns who was hit."""
        hit: list[int] = []
        for _ in range(ROUNDS):
            new = [pid for pid in node.pids() if number == signal.SIGKILL or pid not in hit]
            if not new:
                return hit
            processes.send(new, number)
            if left := wait(new, SIGNAL_TIMEOUT_S):
                raise ClusterError(
                    f"{node.name}: {number.name} had no effect on process {left[0]} in {SIGNAL_TIMEOUT_S:g} s"
                )
            hit += [pid for pid in new if pid not in hit]
        raise ClusterError(f"{node.name}: new processes kept appearing during {ROUNDS} rounds of {number.name}")


def _process(pid: int) -> processes.Process | None:
    try:
        return processes.read(pid)
    except ProcessLookupError:
        return None


def _is(seen: processes.Process) -> bool:
    """Whether the process of that number is still there, and still the same."""
    now = _process(seen.pid)
    return now is not None and now.start_ticks == seen.start_ticks and now.state not in processes.DEAD_STATES


def _with_log(sentence: str, node: ServiceNode) -> str:
    # A log is whatever the service wrote: it must not be able to talk to the terminal.
    tail = "".join(char if char.isprintable() or char in "\n\t" else "?" for char in node.log_tail())
    return f"{sentence}; the last lines of its log:\n{tail}" if tail else f"{sentence}; it wrote no log"
