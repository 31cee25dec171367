"""Killing, starting, pausing and resuming the simulated nodes; evidence is the state the machine is found in
afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.clusters.sim.machine import KILLED, LOST_POWER, PAUSED, RUNNING, STOPPED, Machine, Process
from harness.errors import NodeError, UsageError
from harness.faults import Evidence, Status
from harness.node import Node

START_S_MAX = 30.0
"""Virtual time a node may take until it serves requests."""

LOG_LINES_SHOWN = 15


class SimProcesses:
    """The process capability. `service` is what runs on each node, known once the cluster is created; `excuse` says why
    a node may fail to start."""

    def __init__(self, machines: Mapping[str, Machine], excuse: Callable[[str], str | None]) -> None:
        self._machines = machines
        self._excuse = excuse
        self.service: tuple[Callable[..., Node], Mapping[str, Any]] | None = None

    async def kill(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """Ends the processes at once; what they had not synced is lost."""
        evidence: dict[str, Evidence] = {}
        for machine in self._named(nodes):
            if machine.state == STOPPED:
                evidence[machine.name] = _skipped("the node was not running")
                continue
            cost = machine.kill()
            evidence[machine.name] = _read(machine, STOPPED, cost)
        return evidence

    async def start(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """Starts what is not running and waits until it serves. Raises `NodeError` when one cannot and has no
        excuse, once all have tried."""
        assert self.service is not None, "the cluster has no target yet"
        evidence: dict[str, Evidence] = {}
        starting: dict[Machine, Process] = {}
        began_ns: dict[Machine, int] = {}
        for machine in self._named(nodes):
            if machine.state == STOPPED:
                began_ns[machine] = machine.root.now_ns
                starting[machine] = machine.start(*self.service)
            else:
                evidence[machine.name] = _skipped(f"the node was {machine.state}")
        if starting:
            await asyncio.wait([process.started for process in starting.values()], timeout=START_S_MAX)
        failed = {machine: why for machine, process in starting.items() if (why := _start_failure(machine, process))}
        failures = [_told(machine, why) for machine, why in failed.items() if not self._excuse(machine.name)]
        if failures:
            raise NodeError("\n".join(failures))
        for machine, why in failed.items():
            state = {"state": machine.state}
            text = f"{self._excuse(machine.name)}, and it does not start: {why}"
            evidence[machine.name] = Evidence(Status.INDETERMINATE, state, text)
            del starting[machine]
        for machine, process in starting.items():
            if machine.process is not process or machine.state != RUNNING:
                state = {"state": machine.state}
                evidence[machine.name] = Evidence(
                    Status.INDETERMINATE, state, f"it was {machine.state} while it started"
                )
                continue
            took_ms = (machine.root.now_ns - began_ns[machine]) / 1e6
            evidence[machine.name] = _read(machine, RUNNING, {"incarnation": machine.incarnation, "start_ms": took_ms})
        return evidence

    async def pause(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """Stops running nodes: they keep everything, and do nothing."""
        evidence: dict[str, Evidence] = {}
        for machine in self._named(nodes):
            if machine.state != RUNNING:
                evidence[machine.name] = _skipped(f"the node was {machine.state}")
                continue
            machine.pause()
            evidence[machine.name] = _read(machine, PAUSED, {})
        return evidence

    async def resume(self, nodes: Sequence[str]) -> Mapping[str, Evidence]:
        """Lets paused nodes go on."""
        evidence: dict[str, Evidence] = {}
        for machine in self._named(nodes):
            if machine.state != PAUSED:
                evidence[machine.name] = _skipped(f"the node was {machine.state}")
                continue
            stood = machine.resume()
            evidence[machine.name] = _read(machine, RUNNING, stood)
        return evidence

    async def alive(self) -> Mapping[str, bool]:
        """See `harness.clusters.base.Processes`."""
        return {name: machine.state != STOPPED for name, machine in self._machines.items()}

    def _named(self, nodes: Sequence[str]) -> list[Machine]:
        unknown = [node for node in nodes if node not in self._machines]
        if unknown:
            raise UsageError(f"there is no node {unknown[0]!r}; nodes are {', '.join(self._machines)}")
        return [self._machines[node] for node in dict.fromkeys(nodes)]


def _read(machine: Machine, expected: str, measured: Mapping[str, Any]) -> Evidence:
    status = Status.APPLIED if machine.state == expected else Status.INDETERMINATE
    return Evidence(status, {"state": machine.state, **measured})


def _skipped(why: str) -> Evidence:
    return Evidence(Status.SKIPPED, why=why)


def _start_failure(machine: Machine, process: Process) -> str | None:
    if process.started.done():
        why = process.started.result()
        if why in (None, KILLED, LOST_POWER):
            return None
    elif machine.state == PAUSED:
        return None
    else:
        why = f"it did not finish starting within {START_S_MAX:g} s"
    return why


def _told(machine: Machine, why: str) -> str:
    last = "\n".join(f"    {line}" for line in "\n".join(machine.lines).splitlines()[-LOG_LINES_SHOWN:])
    return f"node {machine.name} did not start: {why}; the last lines of its log:\n{last}"
