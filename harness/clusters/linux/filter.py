"""The table of one node (see `inbound`), kept in agreement with what is wanted."""

from __future__ import annotations

from harness.clusters.linux import inbound, nft
from harness.clusters.linux.node import ServiceNode


class Filter:
    """One node's table, blocking. It is there while there are rules to be in force."""

    def __init__(self, node: ServiceNode, table: nft.Table) -> None:
        self._node = node
        self._table = table
        self._made = False
        self._sets: set[str] = set()
        """Those that the kernel has, also for faults that are over."""

    def change(self, rules: inbound.Rules) -> inbound.Reading:
        """Puts rules in force and reads back; the reading still counts for faults that are over by it. Raises
        `ClusterError`; calling again finishes the job."""
        if not self._made and not rules:
            return inbound.Reading()
        enter = self._node.enter
        made = "" if self._made else inbound.create(self._table)
        nft.run(made + inbound.change(self._table, rules), enter=enter)
        self._made = True
        self._sets |= set(rules.sets)
        reading = inbound.parse(nft.listing("table", self._table.family, self._table.name, enter=enter))
        if not rules:
            nft.run(nft.delete(self._table.family, self._table.name), enter=enter)
            self._made, self._sets = False, set()
        elif over := self._sets - set(rules.sets):
            nft.run(inbound.forget(self._table, sorted(over)), enter=enter)
            self._sets -= over
        return reading
