"""The disk capability of a cluster whose services run as processes of this machine."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from harness.clusters.base import IMPAIRMENTS, Corruption, Impairment
from harness.clusters.damage import PROBE, Place
from harness.clusters.linux import processes
from harness.clusters.linux.disks import files, syscalls, volume
from harness.clusters.linux.disks.syscalls import Interposed
from harness.clusters.linux.disks.volume import Volume
from harness.clusters.linux.node import ServiceNode
from harness.clusters.linux.services import Services
from harness.clusters.linux.work import to_its_end
from harness.errors import ClusterError, UsageError
from harness.faults import Evidence, Status

HANGS_S = 0.2
"""A write that has not ended by then, of a process that sleeps where no signal reaches it, hangs."""

OF_A_VOLUME = frozenset({"disk-full", "disk-read-only", "disk-hang", "power-loss"})
"""The capabilities for which a node needs a file system of its own (`Volume`), made before its service starts."""


NEEDS = (*(f"disk-{kind}" for kind in IMPAIRMENTS), "power-loss", "corrupt")
"""The capabilities that this module gives."""


def problems() -> dict[str, str | None]:
    """`problem` for each of `NEEDS`."""
    return {need: problem(need) for need in NEEDS}


def problem(need: str) -> str | None:
    """Why one of the disk's capabilities is not to be had here, or None."""
    if need in ("disk-slow", "disk-error"):
        return syscalls.problem()
    if need == "disk-full":
        return volume.problem() and volume.memory_problem()
    return volume.problem() if need in OF_A_VOLUME else None


@dataclass(slots=True)
class _Trouble:
    """What is wrong with one node's disk."""

    fault: str
    impairment: Impairment
    interposed: Interposed | None = None
    waiting: subprocess.Popen[bytes] | None = None


@dataclass(slots=True)
class _State:
    """What the capability knows of one node's disk."""

    trouble: _Trouble | None = None
    damaged: bool = False
    kept: dict[Place, bytes] = field(default_factory=dict)


class Disks:
    """Impairs, cuts off and damages nodes' data directories. `volumes` are the file systems of those that have one of
    their own; `locks` are those of `Services`, one per node."""

    def __init__(
        self,
        nodes: Mapping[str, ServiceNode],
        locks: Mapping[str, asyncio.Lock],
        services: Services,
        volumes: Mapping[str, Volume],
    ) -> None:
        self._nodes = nodes
        self._locks = locks
        self._services = services
        self._volumes = volumes
        self._states = {name: _State() for name in locks}
        services.attend(self)

    # For `Services`

    def excuse(self, node: str) -> str | None:
        """Why this node may fail to start or to die, or None when nothing is wrong with its disk."""
        state = self._states[node]
        if state.trouble is not None:
            return f"its disk is impaired by {state.trouble.fault} ({state.trouble.impairment.kind})"
        return "its data was damaged" if state.damaged else None

    def launched(self, node: ServiceNode) -> Mapping[str, Any]:
        """Puts a fault on the processes of a service that has just been started, if one is in force on it."""
        trouble = self._states[node.name].trouble
        if trouble is None or trouble.interposed is None:
            return {}
        try:
            return {"disk": {"fault": trouble.fault, **trouble.interposed.put(node.pids())}}
        except ClusterError as refused:
            return {"disk": {"fault": trouble.fault, "not_in_force": str(refused)}}

    # For nemeses

    async def impair(self, fault: str, nodes: Sequence[str], impairment: Impairment) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Disks`."""
        if impairment.kind not in IMPAIRMENTS:
            raise UsageError(f"a disk can be {', '.join(IMPAIRMENTS)}, not {impairment.kind!r}")
        if impairment.kind == "error" and impairment.error not in errno.errorcode.values():
            raise UsageError(f"there is no error {impairment.error!r}")
        return await self._on_each(nodes, partial(self._impair, fault, impairment))

    async def repair(self, fault: str) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Disks`. A read-only file system is checked and mounted anew, for which a service
        that has survived so far is killed."""
        hit = [name for name, state in self._states.items() if state.trouble and state.trouble.fault == fault]
        return await self._on_each(hit, partial(self._repair, fault))

    async def lose_power(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Disks`."""
        return await self._on_each(nodes, self._lose_power)

    async def corrupt(self, nodes: Sequence[str], corruption: Corruption) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Disks`."""
        return await self._on_each(nodes, partial(self._corrupt, corruption))

    def close(self) -> None:
        """Lets everything go that would keep a node from being removed. Idempotent."""
        for name, state in self._states.items():
            if name in self._volumes:
                self._volumes[name].thaw()
            trouble, state.trouble = state.trouble, None
            if trouble is not None and trouble.interposed is not None:
                trouble.interposed.lift()
            if trouble is not None and trouble.waiting is not None:
                trouble.waiting.wait()

    async def _on_each(self, nodes: Sequence[str], act: Callable[[ServiceNode], Evidence]) -> Mapping[str, Evidence]:
        names = list(dict.fromkeys(nodes))
        for name in names:
            if name not in self._nodes:
                raise UsageError(f"there is no node {name!r}; nodes are {', '.join(self._nodes)}")
        results = await asyncio.gather(*(self._alone(name, act) for name in names), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result  # once all have ended
        return {name: result for name, result in zip(names, results, strict=True) if isinstance(result, Evidence)}

    async def _alone(self, name: str, act: Callable[[ServiceNode], Evidence]) -> Evidence:
        async with self._locks[name]:
            return await to_its_end(partial(act, self._nodes[name]))

    def _impair(self, fault: str, impairment: Impairment, node: ServiceNode) -> Evidence:
        state = self._states[node.name]
        if state.trouble is not None:
            return Evidence(Status.SKIPPED, why=f"{state.trouble.fault} impairs this disk already")
        if impairment.kind in ("slow", "error"):
            pids = node.pids()
            if not pids:
                return Evidence(Status.SKIPPED, why="the node was not running")
            interposed = Interposed(node.name, impairment)
            state.trouble = _Trouble(fault, impairment, interposed)
            return Evidence(Status.APPLIED, {"impairment": impairment.kind, **interposed.put(pids)})
        own = self._volume(node)
        trouble = state.trouble = _Trouble(fault, impairment)
        measured: dict[str, Any] = {"impairment": impairment.kind}
        with files.explained(f"{node.name}: looking at its data directory"):
            if impairment.kind == "full":
                measured |= {"filled_bytes": own.fill(), "free_bytes": files.free_bytes(own.data)}
                measured |= files.probe(own.data)
                shown = measured.get("errno") == "ENOSPC"
            elif impairment.kind == "read-only":
                own.break_off()
                measured |= files.probe(own.data)  # statfs need not say so: newer kernels keep it to themselves
                shown = measured.get("errno") == "EROFS"
            else:
                own.freeze()
                trouble.waiting, waited = _waiting_write(own)
                measured |= waited
                shown = measured["state"] == "D"
        why = "" if shown else "an access to the data directory did not suffer from it"
        return Evidence(Status.APPLIED if shown else Status.INDETERMINATE, measured, why)

    def _repair(self, fault: str, node: ServiceNode) -> Evidence:
        state = self._states[node.name]
        trouble = state.trouble
        if trouble is None or trouble.fault != fault:
            return Evidence(Status.SKIPPED, why="it was repaired already")
        measured: dict[str, Any] = {}
        if trouble.interposed is not None:
            measured |= trouble.interposed.lift()
        elif trouble.impairment.kind == "full":
            self._volume(node).empty()
        elif trouble.impairment.kind == "hang":
            self._volume(node).thaw()
            if trouble.waiting is not None:
                measured["waiting_write_ended_with"] = trouble.waiting.wait()
        else:
            own = self._volume(node)
            if "errno" in files.probe(own.data):
                measured |= self._services.end(node).measured
                own.mend()
        state.trouble = None
        measured |= files.probe(node.data)
        if "errno" in measured:
            return Evidence(Status.INDETERMINATE, measured, "its data directory still cannot be written to")
        return Evidence(Status.APPLIED, measured)

    def _lose_power(self, node: ServiceNode) -> Evidence:
        state = self._states[node.name]
        if state.trouble is not None:
            return Evidence(Status.SKIPPED, why=f"{state.trouble.fault} impairs this disk already")
        if not node.pids():
            return Evidence(Status.SKIPPED, why="the node was not running")
        own = self._volume(node)
        with files.explained(f"{node.name}: looking at its data directory"):
            before = files.sizes(own.data)
            own.shut_down()
            refused = files.probe(own.data)
            killed = self._services.end(node)
            own.unmount()
            own.mount()
            after = files.sizes(own.data)
        lost = {file: size - after.get(file, 0) for file, size in before.items() if size > after.get(file, 0)}
        measured = {
            "write_without_power": refused.get("errno", "went through"),
            **killed.measured,
            "lost_bytes": sum(lost.values()),
            "files_cut_short": sorted(file for file in lost if file in after)[:20],
            "files_lost": sorted(file for file in before if file not in after)[:20],
        }
        status = Status.APPLIED if "errno" in refused else Status.INDETERMINATE
        return Evidence(status, measured)

    def _corrupt(self, corruption: Corruption, node: ServiceNode) -> Evidence:
        state = self._states[node.name]
        if state.trouble is not None and state.trouble.impairment.kind in ("hang", "read-only"):
            return Evidence(Status.SKIPPED, why=f"{state.trouble.fault} impairs this disk already")
        with files.explained(f"{node.name}: damaging its files"):
            places = files.corrupt(node.data, corruption, state.kept)
        if not places:
            return Evidence(Status.SKIPPED, why="there is no data that could be damaged")
        state.damaged = state.damaged or corruption.kind != "snapshot"
        return Evidence(Status.APPLIED, {corruption.kind: [place.to_json() for place in places]})

    def _volume(self, node: ServiceNode) -> Volume:
        own = self._volumes.get(node.name)
        if own is None:
            raise ClusterError(f"{node.name} was given no file system of its own: the run did not ask for one")
        return own


_WRITE = f"""
import os, sys
here = int(sys.argv[1])
os.write(1, b".")
file = os.open({PROBE!r}, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=here)
os.write(file, b"?")
os.fsync(file)
os.unlink({PROBE!r}, dir_fd=here)
"""


def _waiting_write(own: Volume) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """A process that writes to a frozen file system, and what has become of it after a while: nobody can wait for such
    a write in a thread, since nothing would end it."""
    with files.opened(own.data) as here:
        writer = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WRITE, str(here)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[here],
            start_new_session=True,
        )
    assert writer.stdout is not None
    with writer.stdout as said:
        said.read(1)
    began = time.monotonic()
    while writer.poll() is None and time.monotonic() - began < HANGS_S:
        time.sleep(0.01)
    waited_ms = round((time.monotonic() - began) * 1000)
    return writer, {"write_unfinished_after_ms": waited_ms, "state": processes.state(writer.pid)}
