"""Bugs to plant in the store with a primary and backups."""

from __future__ import annotations

from targets.toys.primary_backup import PrimaryBackup


class WallClockLease(PrimaryBackup):
    """Measures leases by the time of day: a clock that is set makes one end early or late, and two servers lead (as
    lock services on `gettimeofday` did)."""

    def now_ns(self) -> int:
        return self.clock.wall()


class AcknowledgesAlone(PrimaryBackup):
    """The primary acknowledges what it has on its own disk, before any backup has it: a failover loses it (MySQL and
    PostgreSQL with asynchronous standbys and automatic failover)."""

    def safe_upto(self) -> int:
        return self.own


class AnyBackupTakesOver(PrimaryBackup):
    """Grants the office to whoever asks first, however far its log is behind: what it lacks is cut off everywhere
    (unclean leader election, as by default in Kafka before 0.11)."""

    def may_grant(self, term: int, last: list[int]) -> bool:
        return self.now_ns() >= self.granted_until_ns and term > self.state.term


class NeverGivesUp(PrimaryBackup):
    """A primary reads without looking at its lease: cut off with some of its clients, it goes on while another leads
    (split brain on failover, as of Elasticsearch before 2.0)."""

    def holds_lease(self) -> bool:
        return self.leads
