"""The store whose primary waits for every replica, `targets.toys.sync_replicas`."""

from __future__ import annotations

from harness.claims import Claim
from harness.options import integer, number
from harness.target import NodeService
from targets.bundled.promises import in_turn, promise, strict, trial
from targets.toy import REGISTERS, TRANSACTIONS, Planted, Toy


def sync_replicas(
    *, batch_ms: float = 4, beat_ms: float = 60, snapshot_records: int = 1000, bug: str | None = None
) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    options = {
        "batch_ms": number("sync-replicas", "batch_ms", batch_ms, min=0, max=1_000),
        "beat_ms": round(number("sync-replicas", "beat_ms", beat_ms, min=1, max=100)),
        "snapshot_records": integer("sync-replicas", "snapshot_records", snapshot_records, min=1, max=1_000_000),
    }
    return Toy(
        "sync-replicas",
        NodeService("targets.toys.sync_replicas:SyncReplicas", options=options),
        CLAIMS,
        workloads=WORKLOADS,
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


WORKLOADS = (*REGISTERS, *TRANSACTIONS)

CLAIMS: tuple[Claim, ...] = (
    *strict("sync-replicas", WORKLOADS),
    promise("sync-replicas-unavailable", {"not": {"availability": {"min": 0.99, "side": "majority"}}}, "partition"),
)

SNAPSHOTS = {"snapshot_records": 40}
"""Often enough that servers start from one again and again."""

MANY = {"keys": 60, "rate": 100}
"""So many keys that some have no write under way when a server stops, and go on being read."""

TRIALS = (
    trial(
        "register",
        {
            "partition": {"interval": "1500ms"},
            "kill": {"interval": "3s"},
            "packet": {"interval": "2s"},
        },
        {"keys": 4, "rate": 150},
        store=SNAPSHOTS,
    ),
    *in_turn(
        *(
            trial("register", {family: {"interval": "2s"}}, MANY, timeout="500ms")
            for family in ("pause", "disk", "power")
        )
    ),
    trial("register", {"partition": {"interval": "3s"}}, {"rate": 50}),
    *in_turn(
        *(
            trial(workload, {"packet": {"interval": "2s"}, "clock": {"interval": "2s"}}, {"rate": 50})
            for workload in ("lock", "set", "append", "counter", "catalog")
        )
    ),
)

BUGS = (
    Planted(
        "waits-for-most",
        "a write is acknowledged once most replicas have it, and the others go on serving the value before",
        ("non-linearizable", "linearizable"),
        node_class="targets.toys.sync_replicas_bugs:WaitsForMost",
    ),
    Planted(
        "reads-unacknowledged",
        "a replica shows writes that others may not have yet, so a later read elsewhere goes back in time",
        ("non-linearizable", "linearizable"),
        node_class="targets.toys.sync_replicas_bugs:ReadsUnacknowledged",
    ),
)
