"""A key-value store with a primary that waits for nobody: reads everywhere and always, lost writes on failover.

The primary acknowledges what it has on its own disk, and ships it to the replicas afterwards (asynchronous replication,
the default of MySQL, PostgreSQL and Redis; Gray et al., "The Dangers of Replication and a Solution", SIGMOD 1996, call
it lazy master). The trade-off is latency and availability against the last moments: no write waits for a network, any
server answers reads, cut off or not, and they are stale by as much as it is behind.

- *Failover* puts the most recent replica of a majority in the primary's place (`leased`), as managers of such clusters
  do. What the primary had acknowledged and not shipped is lost then, and so is all that it goes on acknowledging on the
  other side of a cut: nothing tells it, and it looks at no lease.
- *What is settled*, so that the log can be cut there, is behind what is applied: what a majority has on disk under a
  leader that has added to it is in the log of every later leader, as in Raft.
- *A deposed primary* throws its tail away for the log of its successor, and reads on it go back in time. In the end all
  servers hold the same.
"""

from __future__ import annotations

from typing import Any

from harness.node import Body, Host
from targets.toys.leased import Leased
from targets.toys.machine import Registers
from targets.toys.raft_log import Entry
from targets.toys.requests import key_of
from targets.toys.values import is_read_only, steps_of, transact


class AsyncReplica(Leased):
    """One server. Options as for `Leased`."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._settled = 0

    @property
    def settled(self) -> int:
        return self._settled

    def rewind(self) -> None:
        super().rewind()
        self.learn_settled(self.commit)

    def learn_settled(self, index: int) -> None:
        self._settled = max(self._settled, index)

    def outcome_of_settled(self) -> Any:
        """Done again from the last snapshot on, because what is applied goes further."""
        registers, snapshot = Registers(), self.state.snapshot
        if snapshot.index:
            registers.restore(snapshot.state)
        for index in range(snapshot.index + 1, self.settled + 1):
            if command := self.state.command_at(index):
                registers.apply(command)
        return registers.state()

    def on_read(self, source: str, body: Body) -> Body:
        return self.registers.read(key_of(body))

    async def on_txn(self, source: str, body: Body) -> Body:
        """One that only reads is served from this server's copy, like any read."""
        steps = steps_of(body)
        if not is_read_only(steps):
            return await super().on_txn(source, body)
        results, _ = transact(lambda key: self.registers.read(key)["value"], steps)
        return {"type": "txn_ok", "results": results}

    def conclude(self) -> None:
        index = self.progress.held_by_majority(self.own)
        self.apply_upto(self.own)
        if index >= self.opening:
            self.learn_settled(min(index, self.commit))  # all others may have on disk what is not applied here yet

    def take(self, previous: int, entries: list[Entry], commit: int) -> None:
        """Applies what comes as it comes; what gives way to another leader's entries was applied in vain."""
        if self.contradicts(previous, entries):
            self.rewind()
        self.state.store(previous, entries)
        self.apply_upto(self.state.last_index)

    def contradicts(self, previous: int, entries: list[Entry]) -> bool:
        """Whether these entries replace some that are applied here."""
        places = range(previous + 1, min(previous + len(entries), self.commit) + 1)
        return any(not self.state.agrees(index, entries[index - previous - 1][0]) for index in places)
