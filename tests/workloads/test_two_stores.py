"""Every workload on a CP and on an AP store: under the same partitions the one keeps its promise, the other serves all.

This is what the applications are for: the same invariant, in the words of whoever would miss it, holds here and breaks
there. That it breaks proves that it can, so that its holding means something.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checkers.availability import Availability
from harness import flows, plugins
from harness.checker import Budget, Result
from harness.claims import Expectation
from harness.experiment import checker_factory
from harness.history import History
from harness.verdict import Verdict
from nemeses.partition import Partition
from targets.bundled.multi_leader import multi_leader
from targets.bundled.outbox import outbox
from targets.bundled.raft import raft
from targets.bundled.shop import shop
from targets.toy import CLIENTS, Toy
from tests.simulated import play
from workloads.bank import Bank
from workloads.broadcast import Broadcast
from workloads.cart import Cart
from workloads.catalog import Catalog
from workloads.chat import Chat
from workloads.checkout import Checkout
from workloads.counter import Counter
from workloads.dns import Dns
from workloads.log import Log
from workloads.long_fork import LongFork
from workloads.orders import Orders
from workloads.queue import Queue
from workloads.shop import Shop
from workloads.timeline import Timeline
from workloads.txn import Txn
from workloads.unique_ids import UniqueIds

SEEDS = (1, 2, 3)

BROKEN: list[tuple[Callable[..., Any], Any, set[str]]] = [
    (Bank, "bank", {"wrong-total"}),
    (Counter, "linearizable", {"stale-read"}),
    (Counter, "counter-bounds", {"below-bounds"}),
    (Queue, "linearizable", {"duplicate-dequeue"}),
    (Queue, "total-queue", {"duplicate", "lost"}),
    (UniqueIds, "unique-ids", {"duplicate"}),
    (Checkout, "no_oversell", {"oversold"}),
    (Cart, "cart", {"lost", "came-back"}),
    (Checkout, "no_lost_order", {"lost-order"}),
    (Chat, "no_lost_message", {"lost-message"}),
    (Chat, "causal_order", {"answer-without-question"}),
    (Timeline, "no_lost_post", {"lost-post"}),
    (Timeline, "own_posts_seen", {"own-post-missing"}),
    (Catalog, "linearizable", {"stale-read"}),
    (Catalog, {"staleness": {"max": "200ms"}}, {"stale-read"}),
    (Dns, "linearizable", {"stale-read"}),
    (Txn, "strict-serializable", set()),
    (LongFork, "long-fork", {"long-fork"}),
    (Broadcast, "set-full", {"lost"}),
    (Log, "log", {"inconsistent-offset"}),
    (Orders, "exactly_once", {"lost-order"}),
]
"""A workload, what is expected of it, and the anomalies that the AP store shows, whatever the seed."""

NAMES = [f"{workload.name}: {expectation}" for workload, expectation, _ in BROKEN]


def run(store: Toy, workload: Any, seed: int) -> History:
    return play(store, [Partition(interval=2)], seed=seed, time_s=8, settle_s=2, workload=workload).history


def judged(history: History, workload: Any, raw: Any) -> Result:
    expected = Expectation.parse(raw)
    flow, options = flows.separate({**workload.checker_options(expected.name), **expected.options}, workload)
    checker = checker_factory(expected.name)(**options)
    result: Result = checker.check(flows.select(history, flow), budget=Budget())
    return result


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("make", "expectation", "kinds"), BROKEN, ids=NAMES)
def test_the_cp_store_keeps_what_the_ap_store_breaks(
    make: Callable[..., Any], expectation: Any, kinds: set[str], seed: int
) -> None:
    kept = judged(run(raft(), make(), seed), make(), expectation)
    undecided = expectation == "total-queue" and kept.verdict is Verdict.INCONCLUSIVE
    assert kept.verdict is Verdict.PASS or undecided, kept.why
    assert not kept.anomalies
    history = run(multi_leader(), make(), seed)
    broken = judged(history, make(), expectation)
    assert broken.verdict is Verdict.FAIL, broken.why
    assert kinds <= {anomaly.type for anomaly in broken.anomalies}
    assert all(anomaly.ops and anomaly.message for anomaly in broken.anomalies)
    assert Availability().check(history, budget=Budget()).verdict is Verdict.PASS


@pytest.mark.parametrize("name", CLIENTS)
def test_whatever_a_workload_expects_can_be_judged(name: str) -> None:
    workload = plugins.load("workloads", name)()
    assert workload.name == name
    for expectation in workload.expectations:
        _, options = flows.separate(workload.checker_options(expectation), workload)
        checker_factory(expectation)(**options)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("make", [Catalog, Dns])
def test_browsing_and_resolving_stay_up_on_the_ap_store_alone_and_an_owner_loses_nothing_there(
    make: Callable[..., Any], seed: int
) -> None:
    browsing = {"availability": {"of": "read"}}
    assert judged(run(raft(), make(), seed), make(), browsing).verdict is Verdict.FAIL
    history = run(multi_leader(), make(), seed)
    assert judged(history, make(), browsing).verdict is Verdict.PASS
    for kept in ("converges", "monotonic-reads", *(["lost_writes"] if make is Dns else [])):
        assert judged(history, make(), kept).verdict is Verdict.PASS


@pytest.mark.parametrize("seed", SEEDS)
def test_a_store_made_for_it_takes_every_order_and_counts_it_once(seed: int) -> None:
    """Neither of the two: the one refuses orders, the other loses them."""
    taken = {"availability": {"of": "order"}}
    assert judged(run(raft(), Orders(), seed), Orders(), taken).verdict is Verdict.FAIL
    history = run(outbox(), Orders(), seed)
    for kept in (taken, "exactly_once", "converges"):
        result = judged(history, Orders(), kept)
        assert result.verdict is Verdict.PASS, result.why


def test_a_shop_of_two_techniques_gives_each_flow_what_it_needs() -> None:
    """Of the others, the one stops browsing on the smaller side, and the other sells twice."""
    browsing = {"availability": {"flow": "browse"}}
    assert judged(run(raft(), Shop(), 1), Shop(), browsing).verdict is Verdict.FAIL
    assert judged(run(multi_leader(), Shop(), 1), Shop(), "no_lost_order").verdict is Verdict.FAIL
    history = run(shop(), Shop(), 1)
    for kept in (browsing, "no_oversell", "no_lost_order", {"converges": {"flow": "browse"}}):
        result = judged(history, Shop(), kept)
        assert result.verdict is Verdict.PASS, result.why
    assert judged(history, Shop(), {"availability": {"flow": "checkout"}}).verdict is Verdict.FAIL
