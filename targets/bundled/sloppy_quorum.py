"""The AP store on quorums of whoever is there, `targets.toys.sloppy_quorum`."""

from __future__ import annotations

from typing import Any

from harness.claims import Claim
from harness.options import number
from harness.target import NodeService
from targets.bundled.promises import FAULTS, promise, trial
from targets.bundled.quorum import sizes
from targets.toy import Planted, Toy


def sloppy_quorum(
    *, n: int = 3, r: int | None = None, w: int | None = None, handoff_ms: float = 300, bug: str | None = None
) -> Toy:
    """Options as for its class; `r` and `w` are majorities of `n` by default. `bug` plants one of `splitbrain list
    bugs`."""
    options: dict[str, Any] = dict(sizes("sloppy-quorum", n, r, w))
    options["handoff_ms"] = number("sloppy-quorum", "handoff_ms", handoff_ms, min=10, max=60_000)
    return Toy(
        "sloppy-quorum",
        NodeService("targets.toys.sloppy_quorum:SloppyQuorum", options=options),
        CLAIMS,
        workloads=("read-write", "dns", "catalog"),
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


SERVED_UNDER = ("partition", "clock", "packet")
"""The faults that cost it no answer."""

CLAIMS: tuple[Claim, ...] = (
    promise("sloppy-quorum-stale", {"not": "linearizable"}, *FAULTS, workload="read-write"),
    promise("sloppy-quorum-dns-loses-nothing", {"lost_writes": 0}, *FAULTS, workload="dns"),
    *(
        claim
        for workload in ("read-write", "dns", "catalog")
        for claim in (
            promise(
                f"sloppy-quorum-{workload}-available", {"availability": {"min": 0.99}}, *SERVED_UNDER, workload=workload
            ),
            promise(f"sloppy-quorum-{workload}-converges", {"converges": {"within": 5}}, *FAULTS, workload=workload),
        )
    ),
)
"""A name has one owner, who writes through one server, so nothing but a defect loses an update of one."""

OFTEN = {"interval": "2s"}
ALONE = {"interval": "3s", "grudges": ["one", "halves", "random"]}
"""A server that is cut off stands in for all replicas of the keys that it is none of."""

CRASHES = {"interval": "1s", "targets": ["one", "majority", "all"]}
"""So often that many come before a hand-off."""

NAMES = {"names": 100, "rate": 60, "mix": {"read": 2, "write": 1}}
"""So many that for most names the last update comes long before the end, and nothing hides its loss."""

TRIALS = (
    trial("read-write", {"partition": OFTEN, "packet": OFTEN, "clock": OFTEN}, {"keys": 10, "rate": 100}, settle="5s"),
    trial("dns", {"partition": ALONE, "kill": CRASHES}, NAMES, settle="5s"),
    trial("dns", {"partition": ALONE, "pause": OFTEN}, NAMES, settle="5s"),
    trial("dns", {"partition": ALONE, "disk": OFTEN, "power": OFTEN}, NAMES, settle="5s"),
)

BUGS = (
    Planted(
        "hints-in-memory",
        "hints are kept in memory alone, so a write that only stand-ins hold goes with their crash",
        ("lost-write",),
        node_class="targets.toys.sloppy_quorum_bugs:HintsInMemory",
    ),
    Planted(
        "hints-sent-once",
        "a hint is dropped when it is sent, not when its owner has it, so what is sent into a cut is lost",
        ("lost-write",),
        node_class="targets.toys.sloppy_quorum_bugs:HintsSentOnce",
    ),
    Planted(
        "hints-never-sent",
        "hints are kept and never handed over, so replicas never hear what was written in their absence",
        ("divergent",),
        node_class="targets.toys.sloppy_quorum_bugs:HintsNeverSent",
    ),
)
