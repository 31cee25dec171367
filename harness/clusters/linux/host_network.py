"""The network capability of nodes that nobody can stand between: everything is done in each node's own network
namespace, which on a machine of one's own is the machine.

Only packets between nodes are ever touched. What a fault needs on a node comes with it and goes with it: a table for
what the node does not hear (`inbound`), a qdisc or a program for what it sends (`egress`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from typing import Any, TypeVar

from harness.clusters.base import Drops, Shape, combine
from harness.clusters.linux import echo, inbound, packets, tc
from harness.clusters.linux.egress import Egress, Names, describe
from harness.clusters.linux.filter import Filter
from harness.clusters.linux.node import ServiceNode
from harness.clusters.linux.undo import UndoLog
from harness.clusters.linux.work import to_its_end
from harness.errors import ClusterError, UsageError
from harness.faults import Evidence, Status

T = TypeVar("T")

PROOF = 0.9
"""The share of a delay that a probe must have been delayed by: clocks and timers are not exact."""

PROBE_S = 0.5
"""How much longer than the delay an answer is waited for."""


@dataclass(slots=True)
class _Deaf:
    """A fault by which nodes do not hear others: node -> addresses, in the set `name`."""

    name: str
    refuses: bool
    senders: Mapping[str, frozenset[str]]
    over: bool = False


@dataclass(slots=True)
class _Shaped:
    """A fault that shapes what nodes send; the counters per node as they were when it began."""

    nodes: tuple[str, ...]
    shape: Shape
    begun: dict[str, dict[str, int]] = field(default_factory=dict)
    over: bool = False


class HostNetwork:
    """`nodes` may be filled after this is made, and stay the same from the first fault on. `name` is what its things
    bear on each node (`splitbrain_<run>`), `owner` says whose they are. `here` is the one node that is at hand, where
    each has a `HostNetwork` of its own (see `spread`); of the others only the addresses count then. `log` is for nodes
    that outlive the run.

    Changes are serialised, and each runs to its end once begun. What goes wrong on one node leaves the others' faults
    in force, and this node's evidence indeterminate; `mend` may be called again.
    """

    def __init__(
        self,
        nodes: Mapping[str, ServiceNode],
        name: str,
        owner: str,
        *,
        here: str | None = None,
        log: UndoLog | None = None,
    ) -> None:
        self._nodes = nodes
        self._here = here
        self._log = log
        self._table = inbound.table(name, owner)
        self._names = Names(f"{name}_delays", owner, tc.handle(name))
        self._filters: dict[str, Filter] = {}
        self._egress: dict[str, Egress] = {}
        self._faults: dict[str, _Deaf | _Shaped] = {}
        self._made = 0
        self._lock = asyncio.Lock()

    async def cut(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`, but for the one swap: node after node, within some milliseconds."""
        return await self._deafen(fault, drops, refuses=False)

    async def reject(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`."""
        return await self._deafen(fault, drops, refuses=True)

    async def shape(self, fault: str, nodes: Sequence[str], shape: Shape) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`. A delay is proved by the round trips of a probe before and after."""
        senders = tuple(dict.fromkeys(nodes))
        for node in senders:
            self._address(node)
        async with self._lock:
            self._check_new(fault)
            own = self._at_hand(senders)
            before = await self._measured(own, shape)
            self._faults[fault] = found = _Shaped(senders, shape)
            sent = await self._each(own, self._reshape)
            heard = await self._losses(senders)
            for node in senders:
                if isinstance(counters := sent.get(node, {}), dict):
                    found.begun[node] = counters | self._lost(node, heard)
            seen = await self._each(own, lambda node: self._egress[node].read())
            after = await self._measured(own, shape)
            return {
                node: self._shaped(
                    node, sent.get(node, {}), seen.get(node, {}), heard, (before.get(node), after.get(node))
                )
                for node in senders
                if node in own or heard
            }

    async def mend(self, fault: str) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`."""
        async with self._lock:
            found = self._faults.get(fault)
            if found is None:
                return {}
            found.over = True
            evidence = await (self._hear(found) if isinstance(found, _Deaf) else self._unshape(found))
            if all(one.status is not Status.INDETERMINATE for one in evidence.values()):
                del self._faults[fault]
            return evidence

    def close(self) -> None:
        """Ends what runs beside the nodes, for when the nodes themselves go."""
        for egress in self._egress.values():
            egress.close()

    async def _deafen(self, fault: str, drops: Drops, *, refuses: bool) -> Mapping[str, Evidence]:
        senders = {node: frozenset(map(self._address, sources)) for node, sources in drops.items()}
        for node in senders:
            self._address(node)
            if not self._at_hand([node]):
                raise UsageError(f"{node} is not at hand here, but {self._here} is")
        async with self._lock:
            self._check_new(fault)
            self._made += 1
            self._faults[fault] = found = _Deaf(f"f{self._made}", refuses, senders)
            readings = await self._each(senders, self._refilter)
            return {node: self._in_force(found, node, readings[node]) for node in senders}

    async def _hear(self, fault: _Deaf) -> dict[str, Evidence]:
        readings = await self._each(fault.senders, self._refilter)
        return {node: self._lifted(fault, node, readings[node]) for node in fault.senders}

    async def _unshape(self, fault: _Shaped) -> dict[str, Evidence]:
        own = self._at_hand(fault.nodes)
        sent = await self._each(own, self._reshape)
        heard = await self._losses(fault.nodes) if fault.shape.loss else {}
        return {
            node: self._unshaped(fault, node, sent.get(node, {}), heard) for node in fault.nodes if node in own or heard
        }

    def _in_force(self, fault: _Deaf, node: str, reading: inbound.Reading | ClusterError) -> Evidence:
        if isinstance(reading, ClusterError):
            return Evidence(Status.INDETERMINATE, why=str(reading))
        decided = reading.refused if fault.refuses else reading.cut
        measured = {f"{'rejects' if fault.refuses else 'drops'}_from": self._called(decided)}
        if missing := self._called(fault.senders[node] - decided):
            return Evidence(Status.INDETERMINATE, measured, f"no rule is in force for {', '.join(missing)}")
        return Evidence(Status.APPLIED, measured)

    def _lifted(self, fault: _Deaf, node: str, reading: inbound.Reading | ClusterError) -> Evidence:
        if isinstance(reading, ClusterError):
            return Evidence(Status.INDETERMINATE, why=str(reading))
        counts = reading.packets.get(fault.name, {})
        by_source = {name: counts.get(self._address(name), 0) for name in self._called(fault.senders[node])}
        verb, did = ("rejects", "rejected") if fault.refuses else ("drops", "dropped")
        still = self._called(reading.refused if fault.refuses else reading.cut)
        total = {f"{did}_packets": sum(by_source.values()), f"{did}_by_source": by_source}
        return Evidence(Status.APPLIED, {f"{verb}_from": still} | total)

    def _shaped(
        self,
        node: str,
        sent: dict[str, int] | ClusterError,
        seen: dict[str, Any] | ClusterError,
        heard: Mapping[str, inbound.Reading | ClusterError],
        probes: tuple[dict[str, float] | None, dict[str, float] | None],
    ) -> Evidence:
        for result in (sent, seen, *heard.values()):
            if isinstance(result, ClusterError):
                return Evidence(Status.INDETERMINATE, why=str(result))
        assert isinstance(seen, dict)
        in_force = self._combined(node)
        links = {"links": self._peers(node)} if self._at_hand([node]) else {}
        measured: dict[str, Any] = {**links, **describe(in_force), **seen}
        lossy_at = [
            peer
            for peer, reading in heard.items()
            if isinstance(reading, inbound.Reading) and self._address(node) in reading.lossy
        ]
        if in_force.loss:
            measured["lost_at"] = lossy_at
            if missing := [peer for peer in self._at_hand(self._peers(node)) if peer not in lossy_at]:
                return Evidence(Status.INDETERMINATE, measured, f"no rule loses packets at {', '.join(missing)}")
        before, after = probes
        if before is None or after is None:
            return Evidence(Status.APPLIED, measured)
        measured |= {"round_trip_ms_before": self._by_name(before), "round_trip_ms": self._by_name(after)}
        least_ms = PROOF * max(0.0, in_force.delay_ms - in_force.jitter_ms)
        if fast := [name for name, ms in self._by_name(after).items() if ms < least_ms]:
            return Evidence(Status.INDETERMINATE, measured, f"a probe to {', '.join(fast)} was not delayed")
        return Evidence(Status.APPLIED, measured)

    def _unshaped(
        self,
        fault: _Shaped,
        node: str,
        sent: dict[str, int] | ClusterError,
        heard: Mapping[str, inbound.Reading | ClusterError],
    ) -> Evidence:
        for result in (sent, *heard.values()):
            if isinstance(result, ClusterError):
                return Evidence(Status.INDETERMINATE, why=str(result))
        assert isinstance(sent, dict)
        now = sent | self._lost(node, heard)
        begun = fault.begun.get(node, {})
        did = {name: count - begun.get(name, 0) for name, count in now.items()}
        return Evidence(Status.APPLIED, {**did, "still": dict(describe(self._combined(node)))})

    async def _measured(self, senders: Sequence[str], shape: Shape) -> dict[str, dict[str, float]]:
        if not shape.delay_ms:
            return {}
        wait_s = (shape.delay_ms + shape.jitter_ms) / 1000 + PROBE_S
        found = await self._each(
            senders, lambda node: echo.round_trips(self._nodes[node], self._peer_addresses(node), wait_s)
        )
        return {node: result for node, result in found.items() if isinstance(result, dict)}

    async def _losses(self, senders: Sequence[str]) -> dict[str, inbound.Reading | ClusterError]:
        """What the peers read after they lose what they should; nothing where nobody loses anything."""
        losing = any(
            isinstance(fault, _Shaped) and fault.shape.loss and set(senders) & set(fault.nodes)
            for fault in self._faults.values()
        )
        return await self._each(self._at_hand(self._nodes) if losing else [], self._refilter)

    def _refilter(self, node: str) -> inbound.Reading:
        if node not in self._filters:
            self._filters[node] = Filter(self._nodes[node], self._table, self._log)
        return self._filters[node].change(self._rules(node))

    def _reshape(self, node: str) -> dict[str, int]:
        if node not in self._egress:
            self._egress[node] = Egress(self._nodes[node], self._names, self._log, netem=packets.has_netem())
        return self._egress[node].reshape(self._combined(node), self._peer_addresses(node))

    def _rules(self, node: str) -> inbound.Rules:
        deaf = [
            fault
            for fault in self._faults.values()
            if isinstance(fault, _Deaf) and not fault.over and node in fault.senders
        ]
        losses = {self._address(peer): self._combined(peer).loss for peer in self._peers(node)}
        return inbound.Rules(
            {fault.name: fault.senders[node] for fault in deaf if not fault.refuses},
            {fault.name: fault.senders[node] for fault in deaf if fault.refuses},
            {address: loss for address, loss in losses.items() if loss},
        )

    def _combined(self, node: str) -> Shape:
        """The union of what is in force on a node's way out."""
        return combine(
            fault.shape
            for fault in self._faults.values()
            if isinstance(fault, _Shaped) and not fault.over and node in fault.nodes
        )

    def _lost(self, node: str, heard: Mapping[str, inbound.Reading | ClusterError]) -> dict[str, int]:
        address = self._address(node)
        readings = [reading for reading in heard.values() if isinstance(reading, inbound.Reading)]
        return {"lost_packets": sum(reading.lost.get(address, 0) for reading in readings)} if readings else {}

    async def _each(self, nodes: Iterable[str], act: Callable[[str], T]) -> dict[str, T | ClusterError]:
        def attempt(node: str) -> T | ClusterError:
            try:
                return act(node)
            except ClusterError as problem:
                return problem

        names = list(nodes)
        # Every one to its end, also when this is cancelled: nothing changes a node behind its successor's back.
        working = (to_its_end(partial(attempt, node)) for node in names)
        results = await asyncio.gather(*working, return_exceptions=True)
        found: dict[str, T | ClusterError] = {}
        for name, result in zip(names, results, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, ClusterError):
                raise result
            found[name] = result
        return found

    def _at_hand(self, nodes: Iterable[str]) -> list[str]:
        return [node for node in nodes if self._here in (None, node)]

    def _peers(self, node: str) -> list[str]:
        return [other for other in self._nodes if other != node]

    def _peer_addresses(self, node: str) -> list[str]:
        return [self._address(peer) for peer in self._peers(node)]

    def _called(self, addresses: Iterable[str]) -> list[str]:
        wanted = set(addresses)
        return sorted(name for name, node in self._nodes.items() if node.address in wanted)

    def _by_name(self, by_address: Mapping[str, float]) -> dict[str, float]:
        return {name: by_address[node.address] for name, node in self._nodes.items() if node.address in by_address}

    def _check_new(self, fault: str) -> None:
        if fault in self._faults:
            raise UsageError(f"the fault {fault!r} is in force on the network already; give each an id of its own")

    def _address(self, node: str) -> str:
        """Raises `UsageError` for a node that is not there, and for an address that rules cannot be written for."""
        if node not in self._nodes:
            raise UsageError(f"there is no node {node!r}; nodes are {', '.join(self._nodes)}")
        try:
            return str(IPv4Address(self._nodes[node].address))
        except ValueError:
            raise UsageError(
                f"the network faults of {node} need its IPv4 address, not {self._nodes[node].address!r}"
            ) from None
