"""The AP store that keeps siblings, `targets.toys.dynamo`."""

from __future__ import annotations

from harness.claims import Claim
from harness.options import number
from harness.target import NodeService
from targets.bundled.promises import FAULTS, promise, trial
from targets.toy import Planted, Toy


def dynamo(*, gossip_ms: float = 200, bug: str | None = None) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    options = {"gossip_ms": number("dynamo", "gossip_ms", gossip_ms, min=10, max=60_000)}
    return Toy(
        "dynamo",
        NodeService("targets.toys.dynamo:Dynamo", options=options),
        CLAIMS,
        workloads=("siblings",),
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


CLAIMS: tuple[Claim, ...] = (
    promise("dynamo-loses-nothing", "siblings", *FAULTS, workload="siblings"),
    promise("dynamo-converges", {"converges": {"within": 5}}, *FAULTS, workload="siblings"),
    promise("dynamo-available", {"availability": {"min": 0.99}}, "partition", "clock", "packet", workload="siblings"),
)

LOAD = {"keys": 8, "rate": 100}
OFTEN = {"interval": "2s"}
POWER = {**OFTEN, "targets": ["primaries", "minority", "all"]}

TRIALS = (
    trial("siblings", {"partition": OFTEN, "packet": OFTEN, "clock": OFTEN}, LOAD, settle="5s"),
    trial("siblings", {"partition": OFTEN, "kill": OFTEN, "pause": OFTEN}, LOAD, settle="5s"),
    trial("siblings", {"disk": OFTEN, "power": POWER}, LOAD, settle="5s"),
)

BUGS = (
    Planted(
        "last-sibling-wins",
        "replicas keep one sibling when they merge, so a concurrent write that was acknowledged is lost",
        ("lost-write",),
        node_class="targets.toys.dynamo_bugs:LastSiblingWins",
    ),
    Planted(
        "clock-not-merged",
        "a merge takes the other's siblings and not its clock, so what was replaced comes back",
        ("lost-write", "resurrected", "divergent"),
        node_class="targets.toys.dynamo_bugs:ClockNotMerged",
    ),
    Planted(
        "context-ignored",
        "a write replaces siblings that its writer never saw",
        ("lost-write",),
        node_class="targets.toys.dynamo_bugs:ContextIgnored",
    ),
    Planted(
        "tombstones-dropped",
        "a removed key's clock is dropped, so a replica that was away brings removed values back",
        ("resurrected", "lost-write", "divergent"),
        node_class="targets.toys.dynamo_bugs:TombstonesDropped",
    ),
    Planted(
        "acknowledged-in-memory",
        "a write is acknowledged before it is durable anywhere, and goes with its server",
        ("lost-write",),
        node_class="targets.toys.dynamo_bugs:AcknowledgedInMemory",
    ),
)
