"""A key-value store with a primary and backups: one orders, the others follow, and a lease says who is who.

The primary puts all writes into one order, its backups apply them in that order, and a write is acknowledged once a
majority has it on disk. When the primary vanishes, its lease runs out and a backup claims the next one (`leased`). It
has everything that was acknowledged, because the lease goes only to a log that is as up to date as those of a majority
(Oki and Liskov, "Viewstamped Replication", PODC 1988; leases as in Lin et al., "PacificA", Microsoft Research 2008).

- *Writes* rely on no clock: a deposed primary cannot gather a majority for its term.
- *Reads* do. The primary answers alone while its lease runs, which spares the round trip to a majority that Raft pays
  for each (`raft`). That is the trade: linearizable while no two monotonic clocks drift apart by more than the lease's
  margin, and stale reads from a deposed primary otherwise, as on a machine that was suspended with its clock.
- *Whoever cannot reach the primary* is refused, also where it could reach a majority: requests take no detours.
"""

from __future__ import annotations

from harness.node import Body
from targets.toys.leased import Leased
from targets.toys.ordered import unavailable

LEASES_MISSED_MAX = 3
"""After so many a primary gives up; until then it only refuses, and goes on once it is heard again."""


class PrimaryBackup(Leased):
    """One server. Options as for `Leased`."""

    def admit(self) -> None:
        if not self.holds_lease():
            raise unavailable("the lease ran out")

    def read_as_leader(self, key: str | int) -> Body:
        self.admit()
        return super().read_as_leader(key)

    def conclude(self) -> None:
        """Entries of earlier terms are committed together with the first of this one."""
        index = self.safe_upto()
        if index >= self.opening:
            self.apply_upto(index)

    def safe_upto(self) -> int:
        """The index up to which a majority has the log on disk."""
        return self.progress.held_by_majority(self.own)

    def ship(self, beat: bool = False) -> None:
        """A primary that nobody has renewed for several leases gives up, and may help to choose another."""
        patience_ns = LEASES_MISSED_MAX * self.lease_ns
        if beat and self.leads and not self.progress.quorum_since(self.clock.monotonic() - patience_ns):
            self.log(f"hears no majority and gives up term {self.state.term}")
            self.follow(self.state.term, None)
        super().ship(beat)
