"""The store of caches in front of a primary, `targets.toys.cache`."""

from __future__ import annotations

from harness.claims import Claim
from harness.errors import UsageError
from harness.options import number
from harness.target import NodeService
from targets.bundled.promises import FAULTS, in_turn, promise, trial
from targets.toy import Planted, Toy


def cache(*, ttl_ms: float = 1_000, stale_ms: float = 3_000, fetch_ms: float = 200, bug: str | None = None) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    options = {
        "ttl_ms": round(number("cache", "ttl_ms", ttl_ms, min=1, max=3_600_000)),
        "stale_ms": round(number("cache", "stale_ms", stale_ms, min=1, max=3_600_000)),
        "fetch_ms": round(number("cache", "fetch_ms", fetch_ms, min=1, max=60_000)),
    }
    if stale_ms < ttl_ms:
        raise UsageError(f"cache: stale_ms must not be less than ttl_ms, not {stale_ms:g}")
    return Toy(
        "cache",
        NodeService("targets.toys.cache:Cache", options=options),
        CLAIMS,
        workloads=WORKLOADS,
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


WORKLOADS = ("catalog", "dns", "read-write")

# Of packets every fifth is lost: the first read of a product may then have neither an answer nor a copy.
CLAIMS: tuple[Claim, ...] = tuple(
    claim
    for workload in WORKLOADS
    for claim in (
        promise(f"cache-{workload}-bounded", {"staleness": {"max": 3}}, *FAULTS, workload=workload),
        promise(f"cache-{workload}-fresh", {"staleness": {"max": 0.5}}, "clock", workload=workload),
        promise(f"cache-{workload}-converges", {"converges": {"within": 5}}, *FAULTS, workload=workload),
        promise(
            f"cache-{workload}-readable",
            {"availability": {"min": 0.9, "of": "read"}},
            "clock",
            "packet",
            workload=workload,
        ),
    )
)

OFTEN = {"interval": "2s"}
LONG = {"interval": "6s", "grudges": ["primaries", "one", "halves"]}
LOAD = {"products": 40, "rate": 60}

TRIALS = (
    trial("catalog", {"clock": OFTEN}, LOAD),
    trial("catalog", {"partition": LONG, "clock": OFTEN}, LOAD, time="20s"),
    trial("catalog", {"kill": OFTEN, "pause": OFTEN}, LOAD),
    trial("catalog", {"disk": OFTEN, "power": OFTEN}, LOAD),
    *in_turn(
        trial("catalog", {"packet": OFTEN, "clock": OFTEN}, LOAD),
        trial("dns", {"packet": OFTEN, "clock": OFTEN}, {"names": 40, "rate": 60}),
        trial("read-write", {"packet": OFTEN, "clock": OFTEN}, {"keys": 40, "rate": 60}),
    ),
)

BUGS = (
    Planted(
        "not-invalidated",
        "the primary tells nobody of a write, so caches show what was overwritten",
        ("stale-read",),
        node_class="targets.toys.cache_bugs:NotInvalidated",
    ),
    Planted(
        "ages-by-wall-clock",
        "the age of a copy is taken from a clock that can be set back, so copies outlive their bound",
        ("stale-read", "divergent"),
        node_class="targets.toys.cache_bugs:AgesByWallClock",
    ),
    Planted(
        "renews-stale",
        "a copy that was shown for want of the primary counts as new, so it is shown as long as the cut lasts",
        ("stale-read",),
        node_class="targets.toys.cache_bugs:RenewsStale",
    ),
)
