"""Whether faults that were in force touched anything."""

from __future__ import annotations

from harness.faults import Status, spans
from tests.histories import Script, applied

CUT = {"fault": "partition-1", "draw": {"grudge": "one"}}


def test_a_cut_that_never_dropped_a_packet_is_indeterminate() -> None:
    [idle] = spans(Script().cut("partition-1", 1, 2, [["n1"], ["n2"]], dropped=0).history())
    assert (idle.status, idle.why) == (Status.INDETERMINATE, "it never bit: nothing was dropped while it was in force")
    uncounted = Script().fault("partition-1", 1, 2, ["n1"], drops={"n1": ["n2"]}, healed={"n1": applied(links=0)})
    assert spans(uncounted.history())[0].applied, "who does not count says nothing about it"
    healed = {"n1": applied(dropped_messages=0), "n2": applied(dropped_messages=3)}
    one = Script().fault("partition-1", 1, 2, ["n1", "n2"], drops={"n1": ["n2"]}, healed=healed)
    assert spans(one.history())[0].applied, "one node that dropped something is enough"
    rejecting = Script().fault("partition-1", 1, 2, ["n1"], drops={"n1": ["n2"]}, healed={"n1": applied(rejected=0)})
    assert spans(rejecting.history())[0].status is Status.INDETERMINATE
    other = Script().fault("clock-1", 1, 2, ["n1"], healed={"n1": applied(dropped_packets=0)})
    assert spans(other.history())[0].applied, "only a cut has to drop something"


def test_a_limit_that_nobody_came_up_against_is_indeterminate() -> None:
    def judged(**measured: float) -> tuple[Status, str]:
        [span] = spans(Script().fault("limits-1", 1, 2, ["n1"], healed={"n1": applied(**measured)}).history())
        return span.status, span.why

    why = "it never bit: nobody wanted more than the limit while it was in force"
    assert judged(cpus=0.2, throttled_ms=0.0) == (Status.INDETERMINATE, why)
    assert judged(limit_hits=0, oom_kills=0) == (Status.INDETERMINATE, why)
    assert judged(limit_hits=3, oom_kills=0) == judged(throttled_ms=0.5) == (Status.APPLIED, "")


def test_a_bad_disk_that_nobody_synced_to_is_indeterminate() -> None:
    for syncs, status in ((0, Status.INDETERMINATE), (1, Status.APPLIED)):
        [span] = spans(Script().fault("disk-1", 1, 2, ["n1"], healed={"n1": applied(injected_syncs=syncs)}).history())
        assert span.status is status
        assert span.why == ("" if syncs else "it never bit: nobody synced while it was in force")


def test_a_shape_that_no_packet_met_is_indeterminate() -> None:
    idle = Script().fault("packet-1", 1, 2, ["n1"], healed={"n1": applied(lost_packets=0, sent_packets=0)})
    [span] = spans(idle.history())
    assert (span.status, span.why) == (
        Status.INDETERMINATE,
        "it never bit: it touched no packet while it was in force",
    )
    healed = {"n1": applied(lost_packets=0, delayed_packets=3)}
    for shape, bit in (({"loss": 0.2}, False), ({"delay_ms": 5}, True), ({"reorder": 0.2}, True), ({}, True)):
        busy = Script().fault("packet-1", 1, 2, ["n1"], shape=shape, healed=healed)
        assert spans(busy.history())[0].applied is bit, shape
