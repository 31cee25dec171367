"""Bugs to plant in the store whose primary waits for every replica."""

from __future__ import annotations

from targets.toys.sync_replicas import SyncReplicas


class WaitsForMost(SyncReplicas):
    """Acknowledges a write once a majority has it, while every replica still answers reads on its own: a slow one
    serves old values (semi-synchronous replication taken for synchronous, as with MySQL's
    `rpl_semi_sync_source_wait_for_replica_count`)."""

    def held_by_all(self) -> int:
        return self.progress.held_by_majority(self.own)


class ReadsUnacknowledged(SyncReplicas):
    """A replica answers with the latest it has, acknowledged or not: the next replica may not have it yet, and reads go
    back in time (dirty reads of synchronous standbys, PostgreSQL's `remote_apply`)."""

    def is_unsure(self, key: str | int) -> bool:
        self.apply_upto(self.state.last_index)
        return False
