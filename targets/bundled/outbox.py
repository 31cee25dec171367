"""The store that accepts first and delivers later, `targets.toys.outbox`."""

from __future__ import annotations

from harness.claims import Claim
from harness.options import integer
from harness.target import NodeService
from targets.bundled.promises import FAULTS, promise, trial
from targets.toy import Planted, Toy


def outbox(*, limit: int = 200, bug: str | None = None) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    options = {"limit": integer("outbox", "limit", limit, min=1, max=1_000_000)}
    return Toy(
        "outbox",
        NodeService("targets.toys.outbox:Outbox", options=options),
        CLAIMS,
        workloads=("orders",),
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


CLAIMS: tuple[Claim, ...] = (
    promise("outbox-orders-once", "exactly_once", *FAULTS, workload="orders"),
    promise("outbox-books-converge", {"converges": {"within": 5}}, *FAULTS, workload="orders"),
    promise("outbox-available", {"availability": {"min": 0.99}}, "partition", "clock", "packet", workload="orders"),
)

OFTEN = {"interval": "2s"}
LATE = {"interval": "3s", "grudges": ["primaries", "one", "halves"]}
LONG = {"interval": "3s"}

CROWD = {"keys": 20, "rate": 600, "mix": {"order": 20, "read": 1}}
"""More than the queues hold until a fault ends."""

TRIALS = (
    trial("orders", {"partition": LATE, "packet": OFTEN, "clock": OFTEN}, {"keys": 5, "rate": 40}, settle="4s"),
    trial("orders", {"partition": LATE, "kill": OFTEN, "pause": OFTEN}, {"keys": 5, "rate": 40}, settle="4s"),
    trial("orders", {"partition": LATE, "disk": OFTEN, "power": OFTEN}, {"keys": 5, "rate": 40}, settle="4s"),
    trial("orders", {"partition": LATE, "kill": LONG}, CROWD, settle="4s", time="6s"),
)

BUGS = (
    Planted(
        "accepts-before-durable",
        "an entry is acknowledged before it is on disk, so a crash takes it along",
        ("lost-order",),
        node_class="targets.toys.outbox_bugs:AcceptsBeforeDurable",
    ),
    Planted(
        "books-again",
        "the head office books what is delivered again though only the answer had been lost",
        ("doubled-order",),
        node_class="targets.toys.outbox_bugs:BooksAgain",
    ),
    Planted(
        "drops-oldest",
        "a full queue drops its oldest entry and tells nobody, so an acknowledged order never arrives",
        ("lost-order",),
        node_class="targets.toys.outbox_bugs:DropsOldest",
    ),
    Planted(
        "forgets-queue",
        "a restarted branch does not deliver what had waited, though it is on its disk",
        ("lost-order",),
        node_class="targets.toys.outbox_bugs:ForgetsQueue",
    ),
)
