"""The AP store without a leader, `targets.toys.multi_leader`."""

from __future__ import annotations

from harness.claims import Claim
from harness.options import number
from harness.target import NodeService
from targets.bundled.promises import FAULTS, in_turn, promise, trial
from targets.toy import EVERYTHING, TRANSACTIONS, Planted, Toy


def multi_leader(*, batch_ms: float = 5, gossip_ms: float = 400, bug: str | None = None) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    batch = number("multi-leader", "batch_ms", batch_ms, min=0, max=1_000)
    gossip = number("multi-leader", "gossip_ms", gossip_ms, min=10, max=60_000)
    options = {"batch_ms": batch, "gossip_ms": round(gossip)}
    return Toy(
        "multi-leader",
        NodeService("targets.toys.multi_leader:MultiLeader", options=options),
        CLAIMS,
        workloads=EVERYTHING,
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


SERVED_UNDER = ("partition", "clock", "packet")
"""The faults that cost it no answer, whatever is asked."""

AGREED_ON = (
    *("catalog", "dns", "set", "broadcast", "counter"),
    *("bank", "checkout", "chat", "timeline", "orders", "cart"),
)
"""The workloads that end with a look at what every server holds, but for registers."""

CLAIMS: tuple[Claim, ...] = (
    promise("multi-leader-converges", {"converges": {"within": 5}}, *FAULTS),
    promise("multi-leader-available", {"availability": {"min": 0.99}}, *SERVED_UNDER),
    *(
        promise(f"multi-leader-{workload}-available", {"availability": {"min": 0.99}}, *SERVED_UNDER, workload=workload)
        for workload in ("lock", "catalog", "dns", "shop", *TRANSACTIONS)
    ),
    *(
        promise(f"multi-leader-{workload}-converges", {"converges": {"within": 5}}, *FAULTS, workload=workload)
        for workload in AGREED_ON
    ),
    promise(
        "multi-leader-shop-pages-converge", {"converges": {"within": 5, "flow": "browse"}}, *FAULTS, workload="shop"
    ),
    promise("multi-leader-dns-loses-nothing", {"lost_writes": 0}, *FAULTS, workload="dns"),
    promise("multi-leader-dns-never-goes-back", "monotonic-reads", *SERVED_UNDER, workload="dns"),
    promise("multi-leader-posts-in-order", "posts_in_order", *FAULTS, workload="timeline"),
    promise("multi-leader-reads-its-writes", "read-your-writes", *(fault for fault in FAULTS if fault != "clock")),
)

CUTS_AND_CLOCKS = {"partition": {"interval": "3s"}, "clock": {"interval": "2s"}}

TRIALS = (
    trial(
        "register",
        {"partition": {"interval": "1500ms"}, "kill": {"interval": "1s"}, "packet": {"interval": "2s"}},
        {"keys": 20, "rate": 100},
        settle="6s",
    ),
    trial("dns", CUTS_AND_CLOCKS, {"names": 40, "rate": 100, "mix": {"read": 4, "write": 1}}, settle="6s"),
    *in_turn(
        *(
            trial(workload, CUTS_AND_CLOCKS, {"rate": 50}, settle="6s")
            for workload in ("register", "lock", "catalog", *TRANSACTIONS)
        )
    ),
)

BUGS = (
    Planted(
        "stamps-by-clock",
        "a write takes whatever time its server's clock tells, so once that was set back newer writes lose to older",
        ("lost-write",),
        node_class="targets.toys.multi_leader_bugs:StampsByClock",
    ),
    Planted(
        "reads-anywhere",
        "a read is served by any server that is there, so the next one, served by another, goes back in time",
        ("monotonic-reads",),
        node_class="targets.toys.multi_leader_bugs:ReadsAnywhere",
    ),
    Planted(
        "digest-skips-groups",
        "servers compare only half of their keys, so what the network lost of the others is never brought",
        ("divergent",),
        node_class="targets.toys.multi_leader_bugs:DigestSkipsGroups",
    ),
    Planted(
        "ties-by-arrival",
        "of two writes in one second each server keeps the one that came first to it, so they never agree",
        ("divergent", "read-your-writes"),
        node_class="targets.toys.multi_leader_bugs:TiesByArrival",
    ),
    Planted(
        "acknowledges-unsynced",
        "a write is acknowledged in memory, so a server that restarts has forgotten what it told its client",
        ("read-your-writes",),
        node_class="targets.toys.multi_leader_bugs:AcknowledgesUnsynced",
    ),
    Planted(
        "restamps-on-restart",
        "a server that restarts takes what it has for new, so values come back that were overwritten meanwhile",
        ("read-your-writes",),
        node_class="targets.toys.multi_leader_bugs:RestampsOnRestart",
    ),
)
