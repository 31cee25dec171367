"""The AP store of replicated data types, `targets.toys.crdt`."""

from __future__ import annotations

from harness.claims import Claim
from harness.options import number
from harness.target import NodeService
from targets.bundled.promises import FAULTS, in_turn, promise, trial
from targets.toy import Planted, Toy


def crdt(*, batch_ms: float = 5, gossip_ms: float = 200, bug: str | None = None) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    batch = number("crdt", "batch_ms", batch_ms, min=0, max=1_000)
    gossip = number("crdt", "gossip_ms", gossip_ms, min=10, max=60_000)
    return Toy(
        "crdt",
        NodeService("targets.toys.crdt:Crdt", options={"batch_ms": batch, "gossip_ms": round(gossip)}),
        CLAIMS,
        workloads=WORKLOADS,
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


WORKLOADS = ("set", "counter", "broadcast", "chat", "cart", "register")
"""Sequences, a PN-counter, an observed-remove set, and a register, which alone loses what is written concurrently."""

SERVED_UNDER = ("partition", "clock", "packet")
"""The faults that cost it no answer, whatever is asked."""

CLAIMS: tuple[Claim, ...] = (
    promise("crdt-converges", {"converges": {"within": 5}}, *FAULTS),
    promise("crdt-counter-counts", "counter-final", *FAULTS, workload="counter"),
    promise("crdt-counter-converges", {"converges": {"within": 5}}, *FAULTS, workload="counter"),
    promise("crdt-set-keeps", "set-final", *FAULTS, workload="set"),
    promise("crdt-set-converges", {"converges": {"within": 5}}, *FAULTS, workload="set"),
    promise("crdt-broadcast-keeps", "set-final", *FAULTS, workload="broadcast"),
    promise("crdt-broadcast-converges", {"converges": {"within": 5}}, *FAULTS, workload="broadcast"),
    promise("crdt-chat-keeps", "no_lost_message", *FAULTS, workload="chat"),
    promise("crdt-chat-converges", {"converges": {"within": 5}}, *FAULTS, workload="chat"),
    promise("crdt-cart-keeps", "cart", *FAULTS, workload="cart"),
    promise("crdt-cart-converges", {"converges": {"within": 5}}, *FAULTS, workload="cart"),
    *(
        promise(f"crdt-{workload}-available", {"availability": {"min": 0.99}}, *SERVED_UNDER, workload=workload)
        for workload in WORKLOADS
    ),
)

OFTEN = {"interval": "2s"}
NETWORK = {"partition": OFTEN, "packet": OFTEN, "clock": OFTEN}
CRASHES = {"partition": OFTEN, "kill": OFTEN, "pause": OFTEN}
LOSSES = {"partition": OFTEN, "disk": OFTEN, "power": OFTEN}

TRIALS = (
    trial("register", NETWORK, {"keys": 10, "rate": 60}, settle="4s"),
    trial("counter", CRASHES, {"keys": 5, "rate": 60}, settle="4s"),
    trial("counter", LOSSES, {"keys": 5, "rate": 60}, settle="4s"),
    trial("cart", CRASHES, {"keys": 5, "rate": 60}, settle="4s"),
    trial("cart", NETWORK, {"keys": 5, "rate": 60}, settle="4s"),
    *in_turn(*(trial(workload, LOSSES, {"rate": 60}, settle="4s") for workload in ("set", "broadcast", "chat"))),
)

BUGS = (
    Planted(
        "forgets-removals",
        "an element that is there wins over its removal, so what was taken out comes back from whoever had not heard",
        ("came-back", "divergent"),
        node_class="targets.toys.crdt_bugs:ForgetsRemovals",
    ),
    Planted(
        "compares-wrong-field",
        "a counter's join keeps the version with more taken away and forgets what was added since",
        ("below-bounds", "divergent"),
        node_class="targets.toys.crdt_bugs:ComparesWrongField",
    ),
    Planted(
        "adds-again",
        "a counter's join adds up what it should take the greater of, so what is heard twice counts twice",
        ("above-bounds",),
        node_class="targets.toys.crdt_bugs:AddsAgain",
    ),
    Planted(
        "drops-tombstones",
        "tombstones are dropped before everybody has heard of them, so removed elements come back",
        ("came-back",),
        node_class="targets.toys.crdt_bugs:DropsTombstones",
    ),
)
