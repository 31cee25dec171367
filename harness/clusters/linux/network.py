"""The network capability of a cluster whose nodes are joined by a bridge of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from harness.clusters.base import Drops, Shape
from harness.clusters.linux import nft
from harness.clusters.linux.host_network import HostNetwork
from harness.clusters.linux.work import to_its_end
from harness.errors import UsageError
from harness.faults import Evidence, Status


class BridgeNetwork:
    """Cuts between nodes, by one table on the bridge (see `nft`), of nodes known by their IPv4 addresses: the whole
    cluster at once. What a bridge cannot do is done `inside` the nodes.

    The table is made by `open` and removed by whoever removes the run. Changes are serialised, and each runs to its end
    once begun: a cancelled nemesis leaves the table and this object in agreement.
    """

    def __init__(self, table: nft.Table, inside: HostNetwork) -> None:
        self._table = table
        self._inside = inside
        self._addresses: Mapping[str, str] = {}
        self._names: Mapping[str, str] = {}
        self._sets: dict[str, str] = {}
        self._cuts: dict[str, frozenset[nft.Pair]] = {}
        self._made = 0
        self._lock = asyncio.Lock()

    def open(self, addresses: Mapping[str, str]) -> None:
        """Makes the table, with nothing cut. Blocks for some milliseconds. Raises `ClusterError`."""
        self._addresses = addresses
        self._names = {address: name for name, address in addresses.items()}
        nft.run(nft.create(self._table))

    async def cut(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`. A fault that is already in force is replaced. Raises `ClusterError`,
        then with nothing changed.
        """
        pairs = frozenset(
            (self._address(source), self._address(node)) for node, sources in drops.items() for source in sources
        )
        async with self._lock:
            return await to_its_end(lambda: self._cut(fault, pairs))

    async def reject(self, fault: str, drops: Drops) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`: inside the nodes, for a bridge has no connections to reset."""
        return await self._inside.reject(fault, drops)

    async def shape(self, fault: str, nodes: Sequence[str], shape: Shape) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`: inside the nodes, where each one's packets leave."""
        return await self._inside.shape(fault, nodes, shape)

    async def mend(self, fault: str) -> Mapping[str, Evidence]:
        """See `harness.clusters.base.Network`: evidence of the packets that the fault stopped, per node and
        by source. What was done inside the nodes is undone there.
        """
        cut: Mapping[str, Evidence] = {}
        async with self._lock:
            if fault in self._sets:
                cut = await to_its_end(lambda: self._mend(fault))
        return {**await self._inside.mend(fault), **cut}

    def _cut(self, fault: str, pairs: frozenset[nft.Pair]) -> dict[str, Evidence]:
        if fault in self._sets:
            raise UsageError(f"the fault {fault!r} is in force on the network already; give each an id of its own")
        self._made += 1
        name = f"f{self._made}"
        after = {**self._cuts, name: pairs}
        nft.run(nft.swap(self._table, self._cuts, after))
        self._cuts = after
        self._sets[fault] = name
        reading = self._read()
        return {
            node: self._in_force(
                sources, {self._names[source] for source, to in reading.cut if self._names[to] == node}
            )
            for node, sources in self._by_node(pairs).items()
        }

    def _mend(self, fault: str) -> dict[str, Evidence]:
        name = self._sets[fault]
        pairs = self._cuts.get(name, frozenset())
        after = {other: kept for other, kept in self._cuts.items() if other != name}
        nft.run(nft.swap(self._table, self._cuts, after))
        # Out of force from here on. The set is only counters now: should reading or deleting it fail, calling again
        # finishes the job.
        reading = self._read()
        nft.run(nft.forget(self._table, name))
        self._cuts = after
        del self._sets[fault]
        counts = reading.packets.get(name, {})
        return {
            node: self._lifted(
                {source: counts.get((self._addresses[source], self._addresses[node]), 0) for source in sources},
                {self._names[source] for source, to in reading.cut if self._names[to] == node},
            )
            for node, sources in self._by_node(pairs).items()
        }

    @staticmethod
    def _in_force(wanted: Sequence[str], dropped: set[str]) -> Evidence:
        missing = sorted(set(wanted) - dropped)
        measured = {"drops_from": sorted(dropped)}
        if missing:
            return Evidence(Status.INDETERMINATE, measured, f"no rule drops what comes from {', '.join(missing)}")
        return Evidence(Status.APPLIED, measured)

    @staticmethod
    def _lifted(counts: Mapping[str, int], still: set[str]) -> Evidence:
        measured = {
            "drops_from": sorted(still),
            "dropped_packets": sum(counts.values()),
            "dropped_by_source": dict(sorted(counts.items())),
        }
        return Evidence(Status.APPLIED, measured)

    def _by_node(self, pairs: frozenset[nft.Pair]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for source, node in sorted(pairs):
            found.setdefault(self._names[node], []).append(self._names[source])
        return found

    def _read(self) -> nft.Reading:
        return nft.parse(nft.listing("table", self._table.family, self._table.name))

    def _address(self, node: str) -> str:
        try:
            return self._addresses[node]
        except KeyError:
            raise UsageError(f"there is no node {node!r}; nodes are {', '.join(self._addresses)}") from None
