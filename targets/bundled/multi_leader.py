"""The AP store without a leader, `targets.toys.multi_leader`."""

from __future__ import annotations

from harness.claims import Claim
from harness.options import number
from harness.target import NodeService, Trial
from targets.bundled.promises import FAULTS, promise
from targets.toy import TRANSACTIONS, Toy


def multi_leader(*, batch_ms: float = 5, gossip_ms: float = 400, bug: str | None = None) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    batch = number("multi-leader", "batch_ms", batch_ms, min=0, max=1_000)
    gossip = number("multi-leader", "gossip_ms", gossip_ms, min=10, max=60_000)
    options = {"batch_ms": batch, "gossip_ms": round(gossip)}
    return Toy(
        "multi-leader",
        NodeService("targets.toys.multi_leader:MultiLeader", options=options),
        CLAIMS,
        workloads=("register", "lock", *TRANSACTIONS),
        trials=(Trial("register", ("partition", "kill", "clock")),),
    ).with_bug(bug)


SERVED_UNDER = ("partition", "clock", "packet")
"""The faults that cost it no answer, whatever is asked."""

CLAIMS: tuple[Claim, ...] = (
    promise("multi-leader-converges", {"converges": {"within": 5}}, *FAULTS),
    promise("multi-leader-available", {"availability": {"min": 0.99}}, *SERVED_UNDER),
    *(
        promise(f"multi-leader-{workload}-available", {"availability": {"min": 0.99}}, *SERVED_UNDER, workload=workload)
        for workload in TRANSACTIONS
    ),
)
