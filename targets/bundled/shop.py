"""The shop with two techniques in it, `targets.toys.shop`."""

from __future__ import annotations

from harness.claims import Claim
from harness.errors import UsageError
from harness.options import number
from harness.target import NodeService
from targets.bundled.promises import FAULTS, promise, trial
from targets.toy import Planted, Toy


def shop(*, election_ms: float = 300, heartbeat_ms: float = 60, gossip_ms: float = 400, bug: str | None = None) -> Toy:
    """Options as for its class; `bug` plants one of `splitbrain list bugs`."""
    options = {
        "election_ms": round(number("shop", "election_ms", election_ms, min=10, max=60_000)),
        "heartbeat_ms": round(number("shop", "heartbeat_ms", heartbeat_ms, min=1, max=60_000)),
        "gossip_ms": round(number("shop", "gossip_ms", gossip_ms, min=10, max=60_000)),
    }
    if election_ms < 3 * heartbeat_ms:
        raise UsageError(f"shop: election_ms must be at least three times heartbeat_ms, not {election_ms:g}")
    return Toy(
        "shop",
        NodeService("targets.toys.shop:Shop", options=options),
        CLAIMS,
        workloads=("shop",),
        bugs=BUGS,
        trials=TRIALS,
    ).with_bug(bug)


CLAIMS: tuple[Claim, ...] = (
    promise(
        "shop-browsing-available",
        {"availability": {"min": 0.99, "flow": "browse"}},
        "partition",
        "clock",
        "packet",
        workload="shop",
    ),
    promise("shop-pages-converge", {"converges": {"within": 5, "flow": "browse"}}, *FAULTS, workload="shop"),
    promise("shop-pages-fresh", {"staleness": {"max": 2}}, "packet", workload="shop"),
    promise("shop-never-oversells", "no_oversell", *FAULTS, workload="shop"),
    promise("shop-keeps-orders", "no_lost_order", *FAULTS, workload="shop"),
    promise(
        "shop-majority-orders",
        {"availability": {"min": 0.99, "side": "majority", "after": 2, "flow": "checkout"}},
        "partition",
        "clock",
        workload="shop",
    ),
    promise(
        "shop-minority-cannot-order",
        {"not": {"availability": {"min": 0.1, "side": "minority", "after": 2, "flow": "checkout"}}},
        "partition",
        workload="shop",
    ),
)

OFTEN = {"interval": "2s"}
CUTS = {"interval": "4s", "grudges": ["one", "majority", "primaries"]}
LOAD = {"products": 40, "items": 40, "rate": 60}

TRIALS = (
    trial("shop", {"partition": CUTS}, LOAD, time="16s", settle="4s"),
    trial("shop", {"packet": OFTEN}, LOAD, settle="4s"),
    trial("shop", {"partition": OFTEN, "kill": OFTEN, "packet": OFTEN}, LOAD, time="16s", settle="4s"),
    trial("shop", {"pause": OFTEN, "clock": OFTEN, "power": OFTEN}, LOAD, settle="4s"),
)

BUGS = (
    Planted(
        "sells-from-pages",
        "whether enough is left is read off the page and not where it is sold, so what is gone is sold again",
        ("oversold",),
        node_class="targets.toys.shop_bugs:SellsFromPages",
    ),
    Planted(
        "browses-through-checkout",
        "a page is shown when the checkout has answered too, so where nobody can order nobody can browse",
        ("unavailable",),
        node_class="targets.toys.shop_bugs:BrowsesThroughCheckout",
    ),
    Planted(
        "orders-again",
        "an order that was not answered in time is placed again though it may have been taken, and so booked twice",
        ("doubled-order",),
        node_class="targets.toys.shop_bugs:OrdersAgain",
    ),
    Planted(
        "never-refreshed",
        "a server shows for ever the page that it showed once, whatever was changed elsewhere",
        ("stale-read", "divergent"),
        node_class="targets.toys.shop_bugs:NeverRefreshed",
    ),
)
