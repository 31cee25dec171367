"""The stores that come with splitbrain, and what each promises: one that chose consistency, one that chose
availability."""

from __future__ import annotations

from typing import Any

from harness.claims import Claim
from harness.errors import UsageError
from harness.options import number
from harness.target import NodeService
from targets.toy import Toy

FAULTS = ("partition", "kill", "pause", "clock", "packet", "disk", "power")


def raft(*, election_ms: float = 300, heartbeat_ms: float = 60, batch_ms: float = 4) -> Toy:
    """The CP store, `targets.toys.raft`. Options as for its class."""
    election = number("raft", "election_ms", election_ms, min=10, max=60_000)
    heartbeat = number("raft", "heartbeat_ms", heartbeat_ms, min=1, max=60_000)
    batch = number("raft", "batch_ms", batch_ms, min=0, max=1_000)
    if election < 3 * heartbeat:
        raise UsageError(f"raft: election_ms must be at least three times heartbeat_ms, not {election:g}")
    options = {"election_ms": round(election), "heartbeat_ms": round(heartbeat), "batch_ms": batch}
    return Toy("raft", NodeService("targets.toys.raft:Raft", options=options), _RAFT_CLAIMS)


def multi_leader(*, batch_ms: float = 5, gossip_ms: float = 400) -> Toy:
    """The AP store, `targets.toys.multi_leader`. Options as for its class."""
    batch = number("multi-leader", "batch_ms", batch_ms, min=0, max=1_000)
    gossip = number("multi-leader", "gossip_ms", gossip_ms, min=10, max=60_000)
    options = {"batch_ms": batch, "gossip_ms": round(gossip)}
    return Toy(
        "multi-leader", NodeService("targets.toys.multi_leader:MultiLeader", options=options), _MULTI_LEADER_CLAIMS
    )


def _claim(id: str, expect: Any, *nemeses: str) -> Claim:
    return Claim.of(id, expect, workload="register", nemeses=nemeses)


_RAFT_CLAIMS = (
    _claim("raft-linearizable", "linearizable", *FAULTS),
    _claim(
        "raft-majority-available",
        {"availability": {"min": 0.99, "side": "majority", "after": 2}},
        "partition",
        "clock",
    ),
)

_MULTI_LEADER_CLAIMS = (
    _claim("multi-leader-converges", {"converges": {"within": 5}}, *FAULTS),
    _claim("multi-leader-available", {"availability": {"min": 0.99}}, "partition", "clock", "packet"),
)
