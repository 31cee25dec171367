"""The disk capability of the simulator: every fault proves itself with an access that suffers from it."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping, Sequence
from typing import Any

from harness.clusters.base import IMPAIRMENTS, Corruption, Impairment
from harness.clusters.damage import PROBE
from harness.clusters.sim.disk import SimDisk
from harness.clusters.sim.machine import LOST_POWER, STOPPED, Machine
from harness.errors import UsageError
from harness.faults import Evidence, Status

PATIENCE_S = 0.05
"""Virtual time after which a sync that has not ended hangs, beyond what this disk's slowest one takes."""


class SimDisks:
    """Impairs, cuts off and damages the simulated disks."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self._machines = machines
        self._impaired: dict[str, str] = {}
        self._damaged: set[str] = set()

    def excuse(self, node: str) -> str | None:
        """Why this node may fail to start, or None when nothing is wrong with its disk."""
        if fault := self._impaired.get(node):
            impairment = self._machines[node].disk.impairment
            return f"its disk is impaired by {fault} ({impairment.kind if impairment else ''})"
        return "its data was damaged" if node in self._damaged else None

    async def impair(self, fault: str, nodes: Sequence[str], impairment: Impairment) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Disks`."""
        if impairment.kind not in IMPAIRMENTS:
            raise UsageError(f"a disk can be {', '.join(IMPAIRMENTS)}, not {impairment.kind!r}")
        if impairment.kind == "error" and not hasattr(errno, impairment.error):
            raise UsageError(f"there is no error {impairment.error!r}")
        evidence: dict[str, Evidence] = {}
        hit: list[Machine] = []
        for machine in self._named(nodes):
            if held := self._impaired.get(machine.name):
                evidence[machine.name] = Evidence(Status.SKIPPED, why=f"{held} impairs this disk already")
                continue
            self._impaired[machine.name] = fault
            machine.disk.impair(impairment)
            hit.append(machine)
        measured = await asyncio.gather(*(_probe(machine) for machine in hit))
        for machine, one in zip(hit, measured, strict=True):
            status = Status.APPLIED if _suffers(one, impairment) else Status.INDETERMINATE
            evidence[machine.name] = Evidence(status, {"impairment": impairment.kind, **one})
        return evidence

    async def repair(self, fault: str) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Disks`."""
        hit = [machine for machine in self._machines.values() if self._impaired.get(machine.name) == fault]
        for machine in hit:
            machine.disk.impair(None)
            del self._impaired[machine.name]
        measured = await asyncio.gather(*(_probe(machine) for machine in hit))
        return {
            machine.name: Evidence(Status.APPLIED if "errno" not in one else Status.INDETERMINATE, one)
            for machine, one in zip(hit, measured, strict=True)
        }

    async def lose_power(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Disks`."""
        evidence: dict[str, Evidence] = {}
        for machine in self._named(nodes):
            if machine.state == STOPPED:
                evidence[machine.name] = Evidence(Status.SKIPPED, why="the node was not running")
            else:
                cost = machine.kill(LOST_POWER)
                evidence[machine.name] = Evidence(Status.APPLIED, {"state": machine.state, **cost})
        return evidence

    async def corrupt(self, nodes: Sequence[str], corruption: Corruption) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Disks`."""
        evidence: dict[str, Evidence] = {}
        for machine in self._named(nodes):
            places = machine.disk.corrupt(corruption)
            if not places:
                evidence[machine.name] = Evidence(Status.SKIPPED, why="there is no data that could be damaged")
                continue
            if corruption.kind != "snapshot":
                self._damaged.add(machine.name)
            changes = [place.to_json() for place in places]
            evidence[machine.name] = Evidence(Status.APPLIED, {corruption.kind: changes})
        return evidence

    def _named(self, nodes: Sequence[str]) -> list[Machine]:
        unknown = [node for node in nodes if node not in self._machines]
        if unknown:
            raise UsageError(f"there is no node {unknown[0]!r}; nodes are {', '.join(self._machines)}")
        return [self._machines[node] for node in dict.fromkeys(nodes)]


async def _probe(machine: Machine) -> dict[str, Any]:
    """What an access to the disk comes to: `errno`, or how long the sync took, or that it did not end."""
    disk: SimDisk = machine.disk
    began_ns = machine.root.now_ns
    try:
        disk.touch(PROBE)
        sync = disk.sync(PROBE, machine.root)
        delay_s = disk.impairment.delay_ms / 1000 if disk.impairment else 0
        done, _ = await asyncio.wait([sync], timeout=PATIENCE_S + disk.slowest_s + delay_s)
        if not done:
            sync.cancel()
            return {"sync_hangs_after_ms": (machine.root.now_ns - began_ns) / 1e6}
        sync.result()
    except OSError as refused:
        return {"errno": errno.errorcode[refused.errno or 0]}
    finally:
        disk.forget(PROBE)
    return {"sync_ms": (machine.root.now_ns - began_ns) / 1e6}


def _suffers(measured: Mapping[str, Any], impairment: Impairment) -> bool:
    """Whether what was measured is what the impairment does."""
    if impairment.kind == "slow":
        return float(measured.get("sync_ms", 0)) >= impairment.delay_ms
    if impairment.kind == "hang":
        return "sync_hangs_after_ms" in measured
    wanted = {"full": "ENOSPC", "read-only": "EROFS", "error": impairment.error}
    return bool(measured.get("errno") == wanted[impairment.kind])
