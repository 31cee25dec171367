from __future__ import annotations

import json

import pytest

from harness.clusters.base import Shape
from harness.clusters.linux import tc

A, B = "198.18.0.11", "198.18.0.12"


def test_each_peer_has_a_class_and_all_others_pass() -> None:
    assert tc.create("eth0", 0x5B11, [A, B]) == (
        "qdisc add dev eth0 root handle 5b11: htb\n"
        "class add dev eth0 parent 5b11: classid 5b11:1 htb rate 100gbit quantum 60000\n"
        f"filter add dev eth0 parent 5b11: protocol ip prio 1 u32 match ip dst {A}/32 flowid 5b11:1\n"
        "class add dev eth0 parent 5b11: classid 5b11:2 htb rate 100gbit quantum 60000\n"
        f"filter add dev eth0 parent 5b11: protocol ip prio 1 u32 match ip dst {B}/32 flowid 5b11:2\n"
    )


def test_a_rate_without_netem_ends_in_a_short_queue() -> None:
    assert tc.reshape("eth0", 0x5B11, 1, Shape(rate_kbit=0.5, delay_ms=5), netem=False) == (
        "class change dev eth0 parent 5b11: classid 5b11:1 htb rate 500bit quantum 60000\n"
        "qdisc replace dev eth0 parent 5b11:1 bfifo limit 131072\n"
    )


def test_with_netem_it_does_the_rest_but_loss() -> None:
    shape = Shape(delay_ms=50, jitter_ms=10, loss=0.5, duplicate=0.25, rate_kbit=1000)
    assert tc.reshape("eth0", 0x5B11, 1, shape, netem=True) == (
        "class change dev eth0 parent 5b11: classid 5b11:1 htb rate 1000000bit quantum 60000\n"
        "qdisc replace dev eth0 parent 5b11:1 netem limit 20000 delay 50ms 10ms rate 100gbit duplicate 25%\n"
    )


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (Shape(), ""),
        (Shape(loss=0.5, rate_kbit=100), ""),
        (Shape(delay_ms=0.5), "limit 20000 delay 0.5ms"),
        (Shape(reorder=0.2), "limit 20000 delay 10ms reorder 80%"),
        (Shape(delay_ms=30, reorder=0.2), "limit 20000 delay 30ms reorder 20%"),
        (Shape(jitter_ms=5), "limit 20000 delay 0ms 5ms rate 100gbit"),
    ],
)
def test_a_shape_in_the_words_of_netem(shape: Shape, words: str) -> None:
    assert tc.netem_options(shape) == words


def test_a_qdisc_of_the_kernels_own_is_told_from_one_that_somebody_made() -> None:
    assert tc.root(json.dumps([{"kind": "fq_codel", "handle": "0:", "root": True}])) == ("fq_codel", "0:")
    mine = [{"kind": "bfifo", "handle": "8001:", "parent": "5b11:1"}, {"kind": "htb", "handle": "5b11:", "root": True}]
    assert tc.root(json.dumps(mine)) == ("htb", "5b11:")
    assert tc.root("") == ("", "0:")


def test_only_what_is_below_our_classes_counts() -> None:
    listing = [
        {"kind": "htb", "handle": "5b11:", "root": True, "packets": 100, "drops": 9},
        {"kind": "bfifo", "handle": "8001:", "parent": "5b11:1", "packets": 5, "drops": 1},
        {"kind": "bfifo", "handle": "8002:", "parent": "5b11:2", "packets": 6, "drops": 2},
        {"kind": "bfifo", "handle": "8003:", "parent": "77:2", "packets": 6, "drops": 2},
    ]
    assert tc.counts(json.dumps(listing), 0x5B11) == tc.Counts(11, 3)


def test_the_number_of_a_run_is_none_that_the_kernel_gives() -> None:
    assert all(0x1000 <= tc.handle(f"run-{i}") < 0x7000 for i in range(1000))
