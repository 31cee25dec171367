"""The store whose primary waits for nobody, `targets.toys.async_replica`."""

from __future__ import annotations

from harness.claims import Claim
from harness.options import integer, number
from harness.target import NodeService
from targets.bundled.promises import FAULTS, promise, trial
from targets.toy import TRANSACTIONS, Planted, Toy


def async_replica(
    *,
    lease_ms: float = 600,
    batch_ms: float = 4,
    beat_ms: float = 60,
    snapshot_records: int = 1000,
    bug: str | None = None,
) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    options = {
        "lease_ms": round(number("async-replica", "lease_ms", lease_ms, min=50, max=60_000)),
        "batch_ms": number("async-replica", "batch_ms", batch_ms, min=0, max=1_000),
        "beat_ms": round(number("async-replica", "beat_ms", beat_ms, min=1, max=lease_ms / 3)),
        "snapshot_records": integer("async-replica", "snapshot_records", snapshot_records, min=1, max=1_000_000),
    }
    return Toy(
        "async-replica",
        NodeService("targets.toys.async_replica:AsyncReplica", options=options),
        CLAIMS,
        workloads=("register", "lock", *TRANSACTIONS),
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


CLAIMS: tuple[Claim, ...] = (
    promise("async-replica-converges", {"converges": {"within": 5}}, *FAULTS),
    # Half of the default load are reads, all of which are answered. Writes may not be, and chance needs some room.
    promise("async-replica-readable", {"availability": {"min": 0.3, "side": "minority"}}, "partition", "clock"),
    promise("async-replica-not-linearizable", {"not": "linearizable"}, *FAULTS),
)

SNAPSHOTS = {"snapshot_records": 50}
"""Often enough that servers which were away for a second or two come back to a leader that has to send its own."""

CUTS = ["halves", "bridge", "one_way", "primaries", "primaries", "primaries"]
"""A primary that is cut off goes on writing, and what it wrote alone is what it has to give up afterwards."""

TRIALS = (
    trial(
        "register",
        {
            "partition": {"interval": "2s", "grudges": CUTS},
            "kill": {"interval": "2s"},
            "packet": {"interval": "2s"},
        },
        {"keys": 60, "rate": 100},
        settle="6s",
        timeout="500ms",
        store=SNAPSHOTS,
    ),
    trial(
        "register",
        {"partition": {"interval": "3s", "grudges": ["one", "majority"]}},
        {"keys": 60, "rate": 100},
        timeout="500ms",
    ),
)

BUGS = (
    Planted(
        "keeps-its-tail",
        "a deposed primary keeps what it applied alone, so servers hold different values for good",
        ("divergent",),
        node_class="targets.toys.async_replica_bugs:KeepsItsTail",
    ),
    Planted(
        "skips-what-it-missed",
        "a replica that missed entries goes on with the next, so servers hold different values for good",
        ("divergent",),
        node_class="targets.toys.async_replica_bugs:SkipsWhatItMissed",
    ),
    Planted(
        "cuts-unsettled",
        "a server cuts its log at what it has applied, so a deposed primary keeps for good what it applied alone",
        ("divergent",),
        node_class="targets.toys.async_replica_bugs:CutsUnsettled",
    ),
    Planted(
        "refuses-without-primary",
        "a replica that has lost its primary refuses reads, though it has all it takes to answer them",
        ("unavailable",),
        node_class="targets.toys.async_replica_bugs:RefusesWithoutPrimary",
    ),
)
