"""A simulated cluster under observation: it does what it does unobserved, and what is said of it is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from harness import plugins
from harness.checker import Anomaly
from harness.clusters.sim import SimCluster
from harness.faults import spans
from harness.history import History
from harness.messages import Fate, Kept, Scene, Tap, Topic
from harness.messages import tap as taps
from harness.nemesis import Nemesis
from harness.streams import Streams
from nemeses.kill import Kill
from nemeses.packet import Packet
from nemeses.partition import Partition
from nemeses.pause import Pause
from tests.simulated import perform

WHOLE = Scene(Anomaly("none", ""), 0, 1 << 62, Topic(frozenset({"3"}), frozenset()), [0])


def run(nemeses: Sequence[Nemesis], tap: Tap | None, seed: int = 5, **options: Any) -> History:
    streams = Streams(seed)
    cluster = SimCluster(nodes=["n1", "n2", "n3"], streams=streams, run_id="test", **options)
    if tap:
        cluster.tap(tap)
        _begin_with(cluster, tap)
    return perform(cluster, plugins.load("targets", "raft")(), nemeses, streams=streams, time_s=6, settle_s=1)


def _begin_with(cluster: SimCluster, tap: Tap) -> None:
    """The time of the run begins when it first asks for the time."""
    real = cluster.now

    def now() -> int:
        tap.epoch_ns = real() if tap.epoch_ns is None else tap.epoch_ns
        return real()

    cluster.now = now  # type: ignore[method-assign]


def everything(monkeypatch: pytest.MonkeyPatch) -> Tap:
    monkeypatch.setattr(taps, "MESSAGES_MAX", 1 << 30)
    monkeypatch.setattr(taps, "OTHERS_MAX", 1 << 30)
    return Tap([WHOLE], caller=lambda: None)


NEMESES: dict[str, Any] = {
    "none": list,
    "partition": lambda: [Partition(interval=2)],
    "packet": lambda: [Packet(interval=2)],
    "kill and pause": lambda: [Kill(interval=2), Pause(interval=2)],
}


@pytest.mark.parametrize("which", NEMESES)
def test_a_run_is_the_same_to_the_byte_whether_somebody_listens_or_not(
    which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"loss": 0.02, "duplicate": 0.02, "reorder": 0.05} if which != "none" else {}
    alone = run(NEMESES[which](), None, **options)
    tap = everything(monkeypatch)
    heard = run(NEMESES[which](), tap, **options)
    assert b"".join(alone.text("jsonl")) == b"".join(heard.text("jsonl"))
    assert len(tap.kept()[0].messages) > 4_000


def fates(kept: Kept) -> Counter[tuple[Fate, tuple[str, ...]]]:
    return Counter((one.fate, one.faults) for one in kept.messages)


def test_as_many_are_said_to_be_cut_by_a_partition_as_it_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    tap = everything(monkeypatch)
    history = run([Partition(interval=2)], tap)
    dropped = {span.id: sum(one.measured["dropped_packets"] for one in span.nodes.values()) for span in spans(history)}
    cut = fates(tap.kept()[0])
    assert dropped and {faults[0]: number for (fate, faults), number in cut.items() if fate is Fate.CUT} == dropped
    assert not any(fate in (Fate.LOST, Fate.DOWN, Fate.HELD) for fate, _ in cut)


def test_as_many_are_said_to_be_lost_to_a_fault_as_it_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    tap = everything(monkeypatch)
    history = run([Packet(interval=2, behaviours=["loss"])], tap)
    lost = {span.id: sum(one.measured["lost_packets"] for one in span.nodes.values()) for span in spans(history)}
    counted = fates(tap.kept()[0])
    assert sum(lost.values()) > 10
    assert {faults[0]: number for (fate, faults), number in counted.items() if fate is Fate.LOST} == lost


@pytest.mark.parametrize(("family", "fate"), [(Kill, Fate.DOWN), (Pause, Fate.HELD)])
def test_what_a_node_could_not_take_is_told_from_what_it_took(
    family: Any, fate: Fate, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap = everything(monkeypatch)
    stopped = spans(run([family(interval=2)], tap))
    between_nodes = [one for one in tap.kept()[0].messages if one.source.startswith("n") and one.dest.startswith("n")]
    counted: Counter[Fate] = Counter()
    for one in between_nodes:
        at_ns = one.sent_ns if one.ended_ns is None else one.ended_ns
        if any(span.start_ns < at_ns < span.end_ns and one.dest in span.nodes for span in stopped):
            counted[one.fate] += 1
    assert counted[fate] > 10 and list(counted) == [fate]


def test_client_messages_are_heard_both_ways_and_replies_that_came_too_late_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tap = everything(monkeypatch)
    run([Pause(interval=2)], tap)
    clients = [one for one in tap.kept()[0].messages if "c" in one.source + one.dest]
    there, back = ([one for one in clients if one.source.startswith(end)] for end in "cn")
    assert len(there) > 500 and len(back) > 500
    assert all(one.ended_ns is not None and one.ended_ns > one.sent_ns for one in back if one.fate is Fate.ARRIVED)
    assert any(one.fate is Fate.LATE for one in back)
