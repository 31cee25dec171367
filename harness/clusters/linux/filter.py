"""The table of one node (see `inbound`), kept in agreement with what is wanted."""

from __future__ import annotations

from harness.clusters.linux import inbound, nft
from harness.clusters.linux.node import ServiceNode
from harness.clusters.linux.undo import UndoLog, no_table


class Filter:
    """One node's table, blocking. It is there while there are rules to be in force."""

    def __init__(self, node: ServiceNode, table: nft.Table, log: UndoLog | None = None) -> None:
        """`log` gets written where the node outlives the run and is the machine itself."""
        self._node = node
        self._log = log
        self._step = 0
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
        if made and self._log is not None:
            self._step = self._log.add(no_table(self._table.family, self._table.name))
        nft.run(made + inbound.change(self._table, rules), enter=enter)
        self._made = True
        self._sets |= set(rules.sets)
        reading = inbound.parse(nft.listing("table", self._table.family, self._table.name, enter=enter))
        if not rules:
            nft.run(nft.delete(self._table.family, self._table.name), enter=enter)
            self._made, self._sets = False, set()
            if self._log is not None:
                self._log.strike(self._step)
        elif over := self._sets - set(rules.sets):
            nft.run(inbound.forget(self._table, sorted(over)), enter=enter)
            self._sets -= over
        return reading
