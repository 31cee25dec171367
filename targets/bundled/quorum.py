"""The store on quorums, `targets.toys.quorum`."""

from __future__ import annotations

from typing import Any

from harness.claims import Claim
from harness.errors import UsageError
from harness.options import flag, integer, number
from harness.target import NodeService
from targets.bundled.promises import FAULTS, in_turn, promise, strict, trial
from targets.toy import Planted, Toy

REPLICAS_MAX = 100


def quorum(
    *,
    n: int | None = None,
    r: int | None = None,
    w: int | None = None,
    write_back: bool = True,
    round_ms: float = 300,
    bug: str | None = None,
) -> Toy:
    """Options as for its class; what is claimed depends on them. `r` and `w` need `n`; all three are left out for
    majorities of all nodes. `bug` plants one of `splitbrain list bugs`."""
    options: dict[str, Any] = {"write_back": flag("quorum", "write_back", write_back), **sizes("quorum", n, r, w)}
    options["round_ms"] = number("quorum", "round_ms", round_ms, min=10, max=10_000)
    majority = (n or 0) // 2 + 1
    meets = n is None or (r or majority) + (w or majority) > n
    claims = (SAFE if meets and write_back else STALE) + (LIVE if n is None else ())
    service = NodeService("targets.toys.quorum:Quorum", options=options)
    return Toy("quorum", service, claims, workloads=WORKLOADS, bugs=BUGS, trials=TRIALS).with_bug(bug)


def sizes(store: str, n: int | None, r: int | None, w: int | None) -> dict[str, int]:
    """Those of the three that are given, as options of the store's class. Raises `UsageError`."""
    if n is None:
        if r is not None or w is not None:
            raise UsageError(f"{store}: {'w' if r is None else 'r'} is a part of n replicas; say n, too")
        return {}
    n = integer(store, "n", n, min=1, max=REPLICAS_MAX)
    parts = {name: size for name, size in (("r", r), ("w", w)) if size is not None}
    return {"n": n} | {name: integer(store, name, size, min=1, max=n) for name, size in parts.items()}


WORKLOADS = ("read-write", "register", "catalog", "dns")

SAFE: tuple[Claim, ...] = strict("quorum", WORKLOADS)
"""R + W > N, and reads write back."""

STALE: tuple[Claim, ...] = (promise("quorum-stale", {"not": "linearizable"}, *FAULTS, workload="read-write"),)
"""Either is missing."""

LIVE: tuple[Claim, ...] = (
    promise(
        "quorum-majority-available",
        {"availability": {"min": 0.99, "side": "majority", "after": 2}},
        "partition",
        "clock",
        workload="read-write",
    ),
)
"""Every node is a replica of every key, so a majority of nodes has a quorum of each."""

LOAD = {"keys": 2, "rate": 250, "mix": {"read": 2, "write": 1}}
OFTEN = {"interval": "2s"}
UNEVEN = {"interval": "1s", "jitter": "40ms", "loss": 0.4}
"""Messages of one round arrive far apart or in part, so others look while it is half done."""
POWER = {**OFTEN, "targets": ["primaries", "minority", "all"]}

TRIALS = (
    trial("read-write", {"partition": OFTEN, "packet": UNEVEN, "clock": OFTEN}, LOAD),
    trial("read-write", {"kill": OFTEN, "pause": OFTEN}, LOAD),
    trial("read-write", {"disk": OFTEN, "power": POWER}, LOAD),
    *in_turn(*(trial(workload, {"partition": OFTEN, "kill": OFTEN}, {"rate": 50}) for workload in ("catalog", "dns"))),
)

STALE_READ = ("stale-read",)

BUGS = (
    Planted(
        "reads-without-write-back",
        "a read leaves a half-written value where it is, so a later read returns the older one",
        STALE_READ,
        node_class="targets.toys.quorum_bugs:ReadsWithoutWriteBack",
    ),
    Planted(
        "quorums-that-miss",
        "W + R = N, so a read may meet no replica that has the last write",
        STALE_READ,
        node_class="targets.toys.quorum_bugs:QuorumsThatMiss",
    ),
    Planted(
        "timestamps-by-clock",
        "the coordinator's clock says which write is later, so one by a slow clock is acknowledged and never seen",
        (*STALE_READ, "non-linearizable"),
        node_class="targets.toys.quorum_bugs:TimestampsByClock",
    ),
    Planted(
        "acknowledges-before-w",
        "the first replica's answer acknowledges a write, so reads miss it and its loss loses it",
        STALE_READ,
        node_class="targets.toys.quorum_bugs:AcknowledgesBeforeW",
    ),
    Planted(
        "takes-what-comes-last",
        "a replica keeps what came last, so messages that overtake each other undo writes",
        (*STALE_READ, "non-linearizable"),
        node_class="targets.toys.quorum_bugs:TakesWhatComesLast",
    ),
    Planted(
        "flushes-later",
        "a replica answers before it syncs, so acknowledged writes go with the power of a majority",
        STALE_READ,
        node_class="targets.toys.quorum_bugs:FlushesLater",
    ),
)
