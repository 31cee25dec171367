"""The store cut into shards, `targets.toys.sharded`."""

from __future__ import annotations

from typing import Any

from harness.claims import Claim
from harness.options import integer, number
from harness.target import NodeService
from targets.bundled.promises import FAULTS, promise, trial
from targets.toy import REGISTERS, TRANSACTIONS, Planted, Toy

SHARDS_MAX = 1_000


def sharded(
    *, shards: int = 20, rebalance_ms: float = 500, snapshot_records: int = 2000, bug: str | None = None
) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`. With fewer
    shards than usual nothing is claimed of how many of them a node has."""
    options = {
        "shards": integer("sharded", "shards", shards, min=1, max=SHARDS_MAX),
        "rebalance_ms": round(number("sharded", "rebalance_ms", rebalance_ms, min=0, max=60_000)),
        "snapshot_records": integer("sharded", "snapshot_records", snapshot_records, min=1, max=1_000_000),
    }
    return Toy(
        "sharded",
        NodeService("targets.toys.sharded:Sharded", options=options),
        (*CLAIMS, CONTAINED) if shards >= SHARDS else CLAIMS,
        workloads=(*REGISTERS, *TRANSACTIONS),
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


SHARDS = 20
"""Enough that no node of ten, or fewer, has more than one and a half times its fair part, also while shards move."""

CONTAINED = promise("sharded-contained", {"contained": {"times": 1.5, "after": 1}}, "kill", "pause", "power")

CLAIMS: tuple[Claim, ...] = (
    promise("sharded-linearizable", "linearizable", *FAULTS),
    promise("sharded-append-serializable", "strict-serializable", *FAULTS, workload="append"),
    promise("sharded-txn-serializable", "strict-serializable", *FAULTS, workload="txn"),
    promise("sharded-never-forks", "long-fork", *FAULTS, workload="long-fork"),
    promise("sharded-bank-keeps-money", "bank", *FAULTS, workload="bank"),
    promise("sharded-never-oversells", "no_oversell", *FAULTS, workload="checkout"),
    promise("sharded-keeps-orders", "no_lost_order", *FAULTS, workload="checkout"),
    promise("sharded-keeps-carts", "cart", *FAULTS, workload="cart"),
    promise("sharded-set-keeps", "set-full", *FAULTS, workload="set"),
    promise("sharded-lock-exclusive", "linearizable", *FAULTS, workload="lock"),
)

APPENDS: dict[str, Any] = {"keys": 6, "rate": 100, "length": 4}

TRIALS = (
    trial(
        "append",
        {"partition": {"interval": "1500ms"}, "kill": {"interval": "2s"}, "packet": {"interval": "2s"}},
        APPENDS,
        timeout="1s",
    ),
    trial(
        "append",
        {"kill": {"interval": "1s"}, "pause": {"interval": "1s"}},
        APPENDS,
        store={"snapshot_records": 50},
        timeout="1s",
    ),
    trial(
        "register",
        {"partition": {"interval": "1500ms"}, "disk": {"interval": "3s"}, "power": {"interval": "2s"}},
        {"keys": 10, "rate": 200},
        timeout="500ms",
    ),
    trial(
        "register",
        {"kill": {"interval": "3s"}, "pause": {"interval": "4s"}},
        {"keys": 20, "rate": 200},
        timeout="500ms",
    ),
)

LOST = ("lost-update", "incompatible-order", "G0", "G0-realtime", "G-single-item", "G-single-item-realtime")
"""A write that was acknowledged, or seen, is missing where it should be."""

SKEWED = ("G-single-item", "G-single-item-realtime", "G-nonadjacent-item", "G-nonadjacent-item-realtime")
"""Reads of one transaction are of different moments."""

BUGS = (
    Planted(
        "forgets-prepared",
        "an owner votes before what it prepared would survive a crash, so its part of a committed transaction is lost",
        LOST,
        node_class="targets.toys.sharded_bugs:ForgetsPrepared",
    ),
    Planted(
        "presumes-abort",
        "an owner in doubt decides for abort by itself, so half of a committed transaction is missing",
        LOST,
        node_class="targets.toys.sharded_bugs:PresumesAbort",
    ),
    Planted(
        "acknowledges-undecided",
        "a coordinator answers before the decision is in the log, so what it has acknowledged may yet be aborted",
        LOST,
        node_class="targets.toys.sharded_bugs:AcknowledgesUndecided",
    ),
    Planted(
        "goes-on-serving",
        "an owner that has handed a shard over goes on serving it, so two do, and one's writes are lost",
        (*LOST, "stale-read", "non-linearizable"),
        node_class="targets.toys.sharded_bugs:GoesOnServing",
    ),
    Planted(
        "hands-over-too-soon",
        "a shard moves while transactions hold keys of it, so what they commit stays behind",
        LOST,
        node_class="targets.toys.sharded_bugs:HandsOverTooSoon",
    ),
    Planted(
        "reads-without-locks",
        "reads take no locks, so a transaction sees parts of others",
        SKEWED,
        node_class="targets.toys.sharded_bugs:ReadsWithoutLocks",
    ),
    Planted(
        "reads-uncommitted",
        "a read returns what is prepared, before it is committed everywhere, or aborted",
        ("G1a", "G1b", "G1c", *SKEWED),
        node_class="targets.toys.sharded_bugs:ReadsUncommitted",
    ),
    Planted(
        "locks-too-late",
        "a transaction lets go of what it has read before it writes, and overwrites what came in between",
        LOST,
        node_class="targets.toys.sharded_bugs:LocksTooLate",
    ),
    Planted(
        "validates-writes-alone",
        "what a transaction has read may have changed when it commits, unless it writes it, too",
        ("G2-item", "G2-item-realtime"),
        node_class="targets.toys.sharded_bugs:ValidatesWritesAlone",
    ),
    Planted(
        "involves-everybody",
        "every transaction takes part of all servers, so one that is lost stops them all",
        ("spread",),
        node_class="targets.toys.sharded_bugs:InvolvesEverybody",
    ),
)
