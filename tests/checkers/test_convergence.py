"""Convergence of hand-made final reads."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkers.convergence import Convergence
from harness.checker import Budget, Result
from harness.errors import UsageError
from harness.verdict import Verdict
from tests.histories import FAIL, INFO, Script


def check(script: Script, **options: Any) -> Result:
    return Convergence(**options).check(script.history(), budget=Budget())


def healed() -> Script:
    """Load until 60 s, healed then, final reads from 65 s on."""
    return (
        Script().phase("load", 0).op(1, f="write", value=1).phase("heal", 60).phase("settle", 60.5).phase("final", 65)
    )


def finally_(script: Script, values: Mapping[str, Any], *, at: float = 66, key: str = "x") -> Script:
    """One final read per node."""
    for node, value in values.items():
        script.op(at, node, key=key, value=value)
    return script


def test_nodes_that_agree_have_converged() -> None:
    result = check(finally_(healed(), {"n1": 7, "n2": 7, "n3": 7}))
    assert result.verdict is Verdict.PASS
    assert result.stats == {
        "keys": 1,
        "agreed": 1,
        "diverged": 0,
        "not_told": 0,
        "last_disagreement_s": None,
        "agreed_by_s": 6.01,
    }
    assert result.why == "all nodes agree on every key (1), seen by 6.010 s after healing; no read differed after it"


def test_a_node_that_differs_is_named_with_its_value_and_the_reads() -> None:
    script = finally_(healed(), {"n1": 7, "n2": 7}).op(66.5, "n3", value=None).op(67, "n4", value=7)
    finally_(script.op(2, key="y", f="write"), {"n1": 1, "n2": 1, "n3": 1, "n4": 1}, key="y")
    result = check(script)
    assert (result.verdict, result.stats["agreed"], result.stats["diverged"]) == (Verdict.FAIL, 1, 1)
    [anomaly] = result.anomalies
    assert (anomaly.type, anomaly.key) == ("divergent", "x")
    assert anomaly.message == (
        "key x: after healing, reads returned 7 on n1, n2, n4 and null on n3; "
        "the last that differed came 6.500 s after it"
    )
    assert anomaly.details == {"values": {"7": ["n1", "n2", "n4"], "null": ["n3"]}}
    history = script.history()
    assert [(history[index].node, history[index].f) for index in anomaly.ops] == [("n3", "read"), ("n4", "read")]


def test_a_worker_that_still_read_something_else_in_the_end_breaks_the_plain_promise() -> None:
    script = finally_(finally_(healed(), {"n1": 7, "n2": 6}), {"n1": 7, "n2": 7}, at=68)
    assert check(script).verdict is Verdict.FAIL
    result = check(script, within=6)
    assert (result.verdict, result.stats["last_disagreement_s"]) == (Verdict.PASS, 6)
    assert result.why.endswith("the last read that differed came 6.000 s after it")
    assert result.stats["agreed_by_s"] == 8.01
    assert check(script, within="5.9s").verdict is Verdict.FAIL


def test_reads_before_the_final_phase_tell_when_but_break_no_plain_promise() -> None:
    script = finally_(healed().op(59, value=3).op(62, "n2", value=5), {"n1": 7, "n2": 7})
    result = check(script)
    assert (result.verdict, result.stats["last_disagreement_s"]) == (Verdict.PASS, 2)
    assert check(script, within=1).verdict is Verdict.FAIL
    assert check(script, within=2).verdict is Verdict.PASS


def test_values_are_compared_as_json() -> None:
    assert check(finally_(healed(), {"n1": {"a": 1, "b": [2]}, "n2": {"b": [2], "a": 1}})).verdict is Verdict.PASS
    for one, other in ((1, True), (1, "1"), ([1, 2], [2, 1]), (None, 0)):
        assert check(finally_(healed(), {"n1": one, "n2": other})).verdict is Verdict.FAIL


def test_long_values_are_cut_in_the_message_and_whole_in_the_details() -> None:
    [anomaly] = check(finally_(healed(), {"n1": "a" * 500, "n2": "b" * 500})).anomalies
    assert len(anomaly.message) < 300
    assert anomaly.details["values"][f'"{"a" * 500}"'] == ["n1"]


def test_another_kind_of_read_can_be_named() -> None:
    script = healed()
    for node in ("n1", "n2"):
        script.op(66, node, f="lookup", value=node)
    assert check(script, read="lookup").verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("script", "options", "why"),
    [
        (Script().op(1), {}, "the run has no mark 'heal': it ended before the final reads"),
        (Script().op(1).phase("heal", 2), {}, "the run has no mark 'final': it ended before the final reads"),
        (Script().phase("heal", 2).phase("final", 3), {}, "no key was used"),
        (healed().op(62, "n1", value=1), {}, "key x: no final read of it was answered"),
        (healed().op(66, "n1", INFO).op(66, "n2", FAIL), {}, "key x: no final read of it was answered"),
        (finally_(healed(), {"n1": 7}), {}, "key x: only node n1 was asked for it in the end"),
        (finally_(healed(), {"n1": 7, "n2": 7}).op(66, "n3", INFO), {}, "key x: n3 answered no final read of it"),
        (
            finally_(healed().op(3, key="y"), {"n1": 7, "n2": 7}),
            {},
            "key y: no final read of it was answered",
        ),
        (
            finally_(healed(), {"n1": 7, "n2": 8}),
            {"within": 10},
            "key x: n1 still differed, but was read before the time promised had passed",
        ),
    ],
)
def test_what_cannot_be_told_is_inconclusive_with_the_reason(script: Script, options: dict[str, Any], why: str) -> None:
    result = check(script, **options)
    assert (result.verdict, result.why) == (Verdict.INCONCLUSIVE, why)


def test_of_many_keys_that_tell_nothing_a_few_are_named() -> None:
    script = healed()
    for number in range(20):
        script.op(2, key=f"k{number}", f="write")
    assert check(script).why.endswith("(and 16 more)")


def test_a_key_that_diverged_fails_whatever_is_not_known_of_others() -> None:
    assert check(finally_(healed().op(3, key="y"), {"n1": 7, "n2": 8})).verdict is Verdict.FAIL


@pytest.mark.parametrize("options", [{"within": "soon"}, {"within": -1}, {"read": ""}, {"read": 3}])
def test_malformed_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Convergence(**options)


reads = st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from(["n1", "n2", "n3"]), st.integers(0, 2)), max_size=14)


@given(reads)
def test_the_plain_promise_is_that_all_final_reads_of_a_key_are_equal(final: list[tuple[str, str, int]]) -> None:
    script = healed()
    for place, (key, node, value) in enumerate(final):
        script.op(66 + place, node, key=key, value=value)
    values = {key: {value for one, _, value in final if one == key} for key in "xy"}
    nodes = {key: {node for one, node, _ in final if one == key} for key in "xy"}
    if any(len(seen) > 1 for seen in values.values()):
        expected = Verdict.FAIL
    elif len(nodes["x"]) > 1 and len(nodes["y"]) != 1:
        expected = Verdict.PASS
    else:
        expected = Verdict.INCONCLUSIVE
    assert check(script).verdict is expected
