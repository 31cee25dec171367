"""Faults read back from hand-made histories: spans, evidence, and what counts as applied."""

import json

import pytest

from harness.errors import HistoryError
from harness.faults import Evidence, Status, spans
from tests.histories import Script, applied, indeterminate, ns, skipped

CUT = {"fault": "partition-1", "draw": {"grudge": "one"}}


def test_a_history_without_faults_has_no_spans() -> None:
    assert spans(Script().history()) == []
    assert spans(Script().op(1).phase("heal", 2).history()) == []


def test_a_span_runs_from_the_completion_of_start_to_the_invocation_of_stop() -> None:
    evidence = {"n1": applied(pid=7), "n2": applied(pid=8)}
    [span] = spans(
        Script().fault("kill-1", 10, 20, evidence, healed={"n1": applied(pid=9, up=True)}, took=0.5).history()
    )
    assert (span.id, span.family, span.status, span.why) == ("kill-1", "kill", Status.APPLIED, "")
    assert (span.injected_at_ns, span.start_ns, span.end_ns, span.healed_at_ns) == (ns(10), ns(10.5), ns(20), ns(20.5))
    assert span.ops == (0, 1, 2, 3)
    assert span.resolved == {"nodes": ["n1", "n2"]}
    assert span.nodes["n1"].measured == {"pid": 7, "healed_pid": 9, "up": True}
    assert span.nodes["n2"].measured == {"pid": 8}


def test_a_span_is_one_line_of_json() -> None:
    [span] = spans(Script().cut("partition-1", 1, 2, [["n1"], ["n2", "n3"]]).history())
    line = json.loads(json.dumps(span.to_json()))
    assert line["id"] == "partition-1"
    assert line["start_ns"] == ns(1.01)
    assert line["end_ns"] == ns(2)
    assert line["resolved"]["drops"]["n1"] == ["n2", "n3"]
    assert line["nodes"]["n1"] == {"status": "applied", "measured": {"seen": True, "dropped_packets": 9}}


def test_a_fault_nobody_stopped_ends_with_the_load() -> None:
    [span] = spans(Script().fault("pause-1", 10, None, ["n1"]).op(40).phase("heal", 30).history())
    assert (span.end_ns, span.healed_at_ns) == (ns(30), None)
    assert span.may_hold_at(ns(1000))
    [span] = spans(Script().fault("pause-1", 10, None, ["n1"]).op(40, took=0.5).history())
    assert span.end_ns == ns(40.5), "a run that was cut off ends with its last event"


def test_the_first_stop_ends_the_window_and_the_first_that_worked_the_outer_bound() -> None:
    script = Script().fault("kill-1", 10, None, ["n1"])
    script.nemesis(20, "stop-kill", {"fault": "kill-1"}, done=21, error={"type": "timeout", "after_ms": 1000})
    script.nemesis(30, "stop-kill", {"fault": "kill-1"}, done=31, result={"nodes": {"n1": indeterminate("silent")}})
    script.nemesis(40, "stop-kill", {"fault": "kill-1"}, done=41, result={"nodes": {"n1": applied(up=True)}})
    [span] = spans(script.history())
    assert (span.end_ns, span.healed_at_ns) == (ns(20), ns(41))
    assert span.status is Status.APPLIED, "a heal that failed does not undo that the fault was in force"
    assert "healing failed" in span.why
    assert "nobody knows whether it was healed on n1" in span.why


@pytest.mark.parametrize(
    ("nodes", "status", "why"),
    [
        ({"n1": applied(), "n2": skipped()}, Status.APPLIED, ""),
        ({"n1": skipped("killed"), "n2": skipped("paused")}, Status.SKIPPED, "n1: killed, n2: paused"),
        ({"n1": skipped("killed"), "n2": indeterminate()}, Status.INDETERMINATE, "n1: killed, n2: no answer"),
        ({}, Status.SKIPPED, "it hit no node"),
    ],
)
def test_the_status_follows_from_the_nodes(nodes: dict[str, object], status: Status, why: str) -> None:
    [span] = spans(Script().fault("pause-1", 1, 2, nodes).history())
    assert (span.status, span.why) == (status, why)


def test_an_injection_that_failed_is_indeterminate_with_an_empty_window() -> None:
    error = {"type": "exception", "class": "ClusterError", "message": "nft said no"}
    script = Script().nemesis(1, "start-partition", CUT, done=2, error=error)
    script.nemesis(5, "stop-partition", {"fault": "partition-1"}, done=6, result={"nodes": {"n2": applied(rules=0)}})
    [span] = spans(script.history())
    assert (span.status, span.why) == (Status.INDETERMINATE, "the injection failed: ClusterError: nft said no")
    assert (span.injected_at_ns, span.healed_at_ns) == (ns(1), ns(6))
    assert span.nodes == {"n2": Evidence(Status.INDETERMINATE, {"rules": 0})}, "what was healed may have been hit"


def test_an_injection_that_never_ended_is_indeterminate_with_an_empty_window() -> None:
    script = Script().nemesis(1, "start-partition", CUT, done=None).op(9).phase("heal", 8)
    [span] = spans(script.history())
    assert (span.status, span.why) == (Status.INDETERMINATE, "the injection never came to an end")
    assert (span.start_ns, span.end_ns, span.healed_at_ns) == (ns(8), ns(8), None)


def test_an_injection_without_evidence_is_indeterminate() -> None:
    [span] = spans(Script().nemesis(1, "start-partition", CUT, done=2).history())
    assert (span.status, span.why) == (Status.INDETERMINATE, "the injection left no evidence")


def test_faults_of_two_nemeses_overlap() -> None:
    script = Script().fault("kill-1", 1, 5, ["n1"], took=3, worker=0).fault("pause-1", 2, 3, ["n2"], worker=1)
    kill, pause = spans(script.history())
    assert (kill.id, kill.start_ns, kill.end_ns) == ("kill-1", ns(4), ns(5))
    assert (pause.id, pause.start_ns, pause.end_ns) == ("pause-1", ns(2.01), ns(3))


def test_events_of_other_tools_are_passed_over() -> None:
    script = Script().nemesis(1, "start-partition", ["majority"], done=2).nemesis(3, "start", None, done=4)
    script.nemesis(5, "stop-kill", {"fault": "kill-9"}, done=6, result={"nodes": {}})
    assert spans(script.history()) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"fault": "kill-1", "nodes": ["n1"]}, "should carry an object as 'nodes'"),
        ({"fault": "kill-1", "nodes": {"n1": "applied"}}, "evidence that is none"),
        ({"fault": "kill-1", "nodes": {"n1": {"status": "sure"}}}, "evidence that is none"),
        ({"fault": "kill-1", "nodes": {"n1": {"status": "applied", "measured": {}}}}, "evidence that is none"),
        ({"fault": "kill-1", "resolved": [], "nodes": {}}, "should carry an object as 'resolved'"),
    ],
)
def test_malformed_evidence_is_refused_with_the_event(value: object, message: str) -> None:
    script = Script().op(0).nemesis(1, "start-kill", {"fault": "kill-1"}, done=2, result=value)
    with pytest.raises(HistoryError, match="event 3: start-kill") as caught:
        spans(script.history())
    assert message in str(caught.value)


def test_two_faults_of_one_id_are_refused() -> None:
    with pytest.raises(HistoryError, match="event 4: fault 'kill-1' is started a second time"):
        spans(Script().fault("kill-1", 1, 2, ["n1"]).fault("kill-1", 3, 4, ["n1"]).history())
