"""Who was on which side, against a brute-force view of the links at each moment."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.faults import FaultSpan, Status, spans
from harness.regimes import Side, cluster_nodes, regime_at, regimes
from tests.histories import Script, indeterminate, ns, skipped

NODES = ["n1", "n2", "n3", "n4", "n5"]


def sides_at(script: Script, at: float, nodes: Sequence[str] = NODES) -> dict[str, str]:
    """Node -> its side's first letter, M(ajority), m(inority), d(own) or u(nknown)."""
    letters = {Side.MAJORITY: "M", Side.MINORITY: "m", Side.DOWN: "d", Side.UNKNOWN: "u"}
    sides = regime_at(regimes(spans(script.history()), nodes), ns(at)).sides
    return {node: letters[side] for node, side in sides.items()}


def told(script: Script, at: float, nodes: Sequence[str] = NODES) -> str:
    return "".join(sides_at(script, at, nodes).values())


def test_without_faults_everybody_is_on_the_majority_side_for_ever() -> None:
    [regime] = regimes([], NODES)
    assert (regime.start_ns, regime.end_ns, regime.faults) == (0, None, ())
    assert set(regime.sides.values()) == {Side.MAJORITY}


def test_a_cut_has_a_majority_side() -> None:
    script = Script().cut("partition-1", 10, 20, [["n1", "n2"], ["n3", "n4", "n5"]])
    assert [told(script, at) for at in (9.9, 10, 15, 20, 20.01)] == ["MMMMM", "mmMMM", "mmMMM", "mmMMM", "MMMMM"]


def test_an_even_cluster_split_in_halves_has_no_majority() -> None:
    script = Script().cut("partition-1", 10, 20, [["n1", "n2"], ["n3", "n4"]])
    assert told(script, 15, NODES[:4]) == "mmmm"


def test_on_a_ring_and_on_a_bridge_everybody_sees_a_majority() -> None:
    ring = {"n1": ["n3", "n4"], "n2": ["n4", "n5"], "n3": ["n5", "n1"], "n4": ["n1", "n2"], "n5": ["n2", "n3"]}
    assert told(Script().fault("partition-1", 1, 2, NODES, drops=ring), 1.5) == "MMMMM"
    bridge = {"n1": ["n4", "n5"], "n2": ["n4", "n5"], "n4": ["n1", "n2"], "n5": ["n1", "n2"]}
    assert told(Script().fault("partition-1", 1, 2, list(bridge), drops=bridge), 1.5) == "MMMMM"


def test_a_link_cut_one_way_is_no_link() -> None:
    deaf = Script().fault("partition-1", 1, 2, ["n1"], drops={"n1": ["n2", "n3", "n4"]})
    assert told(deaf, 1.5) == "mMMMM"


def test_the_majority_is_one_of_all_nodes_not_of_the_living() -> None:
    script = Script().fault("kill-1", 10, 20, ["n1", "n2", "n3"])
    assert told(script, 15) == "dddmm"
    script = (
        Script().fault("kill-1", 10, 20, ["n1", "n2"]).cut("partition-1", 12, 18, [["n3"], ["n4", "n5", "n1", "n2"]])
    )
    assert [told(script, at) for at in (11, 15, 19)] == ["ddMMM", "ddmmm", "ddMMM"]


def test_a_node_is_down_until_it_is_known_to_be_healed() -> None:
    script = Script().fault("pause-1", 10, 20, ["n1"], took=2)
    assert [told(script, at) for at in (9, 10, 12, 20, 21.9, 22)] == ["MMMMM", *["dMMMM"] * 4, "MMMMM"]


def test_faults_that_take_no_node_down_change_no_side() -> None:
    assert told(Script().fault("clock-1", 10, 20, ["n1", "n2", "n3"]), 15) == "MMMMM"


def test_a_node_that_was_spared_stays_where_it_was_and_one_in_doubt_does_not() -> None:
    spared = Script().fault("kill-1", 10, 20, {"n1": skipped(), "n2": indeterminate()})
    assert told(spared, 15) == "MdMMM"
    cut = Script().fault("partition-1", 1, 2, {"n1": skipped()}, drops={"n1": ["n2", "n3", "n4"]})
    assert told(cut, 1.5) == "MMMMM"


def test_after_an_injection_failed_half_way_nobody_knows_the_sides() -> None:
    script = Script().nemesis(10, "start-partition", {"fault": "partition-1"}, done=11, error="boom")
    script.nemesis(20, "stop-partition", {"fault": "partition-1"}, done=21, result={"nodes": {}})
    assert [told(script, at) for at in (9, 15, 22)] == ["MMMMM", "uuuuu", "MMMMM"]
    harmless = Script().nemesis(10, "start-clock", {"fault": "clock-1"}, done=11, error="boom")
    assert told(harmless, 15) == "MMMMM"


def test_the_nodes_of_a_cluster_are_those_clients_and_faults_name() -> None:
    script = Script().fault("kill-1", 1, 2, ["n4"]).fault("partition-1", 3, 4, ["n1"], drops={"n1": ["n5"]})
    assert cluster_nodes(["n2", "n1"], spans(script.history())) == ["n1", "n2", "n4", "n5"]


def test_a_node_nobody_knows_of_never_makes_a_minority_look_like_a_majority() -> None:
    script = Script().cut("partition-1", 10, 20, [["n1", "n2"], ["n3"]]).fault("kill-1", 12, 18, ["n1"], worker=1)
    for at in (11, 15, 19):
        known = sides_at(script, at, NODES[:3])
        everyone = sides_at(script, at, NODES)
        assert all(everyone[node] == "M" for node in known if known[node] == "M")


subsets = st.lists(st.sampled_from(NODES), unique=True, max_size=5)
moments = st.integers(0, 30)


@st.composite
def faults(draw: st.DrawFn, number: int) -> FaultSpan:
    family = draw(st.sampled_from(["kill", "pause", "partition", "clock"]))
    injected, length = draw(moments), draw(st.integers(0, 10))
    resolved: dict[str, object] = {"nodes": draw(subsets)}
    if family == "partition":
        resolved = {"drops": {node: [other for other in draw(subsets) if other != node] for node in draw(subsets)}}
    status = draw(st.sampled_from([Status.APPLIED, Status.APPLIED, Status.INDETERMINATE]))
    healed = draw(st.sampled_from([injected + length, None]))
    return FaultSpan(
        f"{family}-{number}", family, injected, injected, injected + length, healed, {}, resolved, {}, status, "", ()
    )


fault_lists = st.integers(0, 5).flatmap(lambda count: st.tuples(*(faults(number) for number in range(count))))


def brute(at: int, spans: Sequence[FaultSpan], node: str) -> Side:
    """Walks over every node and asks every fault, one by one."""
    active = [
        span for span in spans if span.injected_at_ns <= at and (span.healed_at_ns is None or at < span.healed_at_ns)
    ]

    def up(one: str) -> bool:
        return not any(span.family in ("kill", "pause") and one in span.resolved["nodes"] for span in active)

    def hears(receiver: str, sender: str) -> bool:
        cuts = (span.resolved["drops"] for span in active if span.family == "partition")
        return not any(sender in drops.get(receiver, ()) for drops in cuts)

    if not up(node):
        return Side.DOWN
    linked = [other for other in NODES if other == node or (up(other) and hears(node, other) and hears(other, node))]
    return Side.MAJORITY if len(linked) >= 3 else Side.MINORITY


@given(fault_lists)
def test_sides_agree_with_brute_force_at_every_moment(spans: Sequence[FaultSpan]) -> None:
    timeline = regimes(spans, NODES)
    assert timeline[0].start_ns == 0
    assert timeline[-1].end_ns is None
    assert all(one.end_ns == following.start_ns for one, following in pairwise(timeline))
    for at in range(45):
        regime = regime_at(timeline, at)
        assert regime.start_ns <= at and (regime.end_ns is None or at < regime.end_ns)
        assert dict(regime.sides) == {node: brute(at, spans, node) for node in NODES}
