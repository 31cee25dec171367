"""The store with a primary, backups and a lease, `targets.toys.primary_backup`."""

from __future__ import annotations

from typing import Any

from harness.claims import Claim
from harness.options import integer, number
from harness.target import NodeService
from targets.bundled.promises import in_turn, promise, strict, trial
from targets.toy import REGISTERS, TRANSACTIONS, Planted, Toy


def primary_backup(
    *,
    lease_ms: float = 600,
    drift: float = 0.1,
    batch_ms: float = 4,
    beat_ms: float = 60,
    snapshot_records: int = 1000,
    bug: str | None = None,
) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    options = {
        "lease_ms": round(number("primary-backup", "lease_ms", lease_ms, min=50, max=60_000)),
        "drift": number("primary-backup", "drift", drift, min=0, max=0.5),
        "batch_ms": number("primary-backup", "batch_ms", batch_ms, min=0, max=1_000),
        "beat_ms": round(number("primary-backup", "beat_ms", beat_ms, min=1, max=lease_ms / 3)),
        "snapshot_records": integer("primary-backup", "snapshot_records", snapshot_records, min=1, max=1_000_000),
    }
    return Toy(
        "primary-backup",
        NodeService("targets.toys.primary_backup:PrimaryBackup", options=options),
        CLAIMS,
        workloads=WORKLOADS,
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


WORKLOADS = (*REGISTERS, *TRANSACTIONS)

CLAIMS: tuple[Claim, ...] = (
    *strict("primary-backup", WORKLOADS),
    promise(
        "primary-backup-fails-over", {"availability": {"min": 0.99, "side": "majority", "after": 2}}, "kill", "clock"
    ),
)

CUTS = {"interval": "2s", "grudges": ["one", "primaries", "primaries"]}

LOAD = {"keys": 3, "rate": 150, "mix": {"read": 6, "write": 2, "cas": 1}}

THREE: dict[str, Any] = {"nodes": 3, "concurrency": 18, "timeout": "500ms"}
"""Workers enough, and freed soon enough, that a primary that is cut off is still asked for reads while writes wait."""

SNAPSHOTS = {"snapshot_records": 40}
"""Often enough that servers which were away for a second come back to a leader that has to send its own."""

TRIALS = (
    trial(
        "register",
        {
            "partition": CUTS,
            "clock": {"interval": "500ms", "kinds": ["bump"], "max": "10m", "targets": ["one", "primaries"]},
        },
        LOAD,
        **THREE,
    ),
    trial(
        "register",
        {
            "partition": CUTS,
            "kill": {"interval": "1s", "targets": ["one", "primaries"]},
            "packet": {"interval": "2s"},
        },
        LOAD,
        store=SNAPSHOTS,
        **THREE,
    ),
    trial("register", {"kill": {"interval": "4s"}, "clock": {"interval": "4s"}}, {"rate": 50}, time="20s"),
    *in_turn(
        *(
            trial(workload, {"partition": {"interval": "2s"}, "kill": {"interval": "2s"}}, {"rate": 50})
            for workload in WORKLOADS
            if workload != "register"
        )
    ),
)

STALE = ("non-linearizable", "linearizable")

BUGS = (
    Planted(
        "wall-clock-lease",
        "leases are measured by the time of day, so after a clock was set two servers lead, and one serves old values",
        STALE,
        node_class="targets.toys.primary_backup_bugs:WallClockLease",
    ),
    Planted(
        "acknowledges-alone",
        "the primary acknowledges before any backup has the write, so a failover loses it",
        STALE,
        node_class="targets.toys.primary_backup_bugs:AcknowledgesAlone",
    ),
    Planted(
        "any-backup-takes-over",
        "the lease goes to whoever asks first, so a backup that is behind takes over and cuts off acknowledged writes",
        STALE,
        node_class="targets.toys.primary_backup_bugs:AnyBackupTakesOver",
    ),
    Planted(
        "never-gives-up",
        "a primary that is cut off does not look at its lease, and serves old values while another one leads",
        STALE,
        node_class="targets.toys.primary_backup_bugs:NeverGivesUp",
    ),
)
