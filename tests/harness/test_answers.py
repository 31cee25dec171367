"""The columns of client operations against the events they were taken from."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.answers import NOBODY, OPEN, client_answers, refused
from harness.operation import Type
from tests.histories import FAIL, INFO, OK, Script, ns


@pytest.mark.parametrize(
    ("error", "answer"),
    [({"current": 3}, True), ({"current": None}, True), ({"code": 11}, False), (["current"], False), (None, False)],
)
def test_a_refusal_tells_the_value_it_found(error: Any, answer: bool) -> None:
    assert refused(error) is answer


def test_between_takes_what_was_invoked_in_a_half_open_interval() -> None:
    answers = client_answers(Script().op(1).op(2, took=5).op(3).op(3).op(4).history())
    assert list(answers.between(ns(2), ns(4))) == [1, 2, 3]
    assert list(answers.between(ns(3), None)) == [2, 3, 4]
    assert list(answers.between(ns(9), None)) == []


def test_only_nodes_and_operations_of_clients_are_named() -> None:
    script = Script().fault("kill-1", 0, 1, ["n9"]).op(2, "n2", f="write").op(3, None)
    answers = client_answers(script.history())
    assert (answers.nodes, answers.fs) == (["n2"], ["write", "read"])
    assert list(answers.node) == [0, NOBODY]


ops = st.tuples(
    st.integers(0, 20),
    st.sampled_from(["n1", "n2", None]),
    st.sampled_from([OK, FAIL, INFO, None]),
    st.sampled_from(["read", "write", "cas"]),
    st.sampled_from([None, {"current": 1}, {"code": 11}]),
)


@given(st.lists(ops, max_size=20))
def test_every_operation_is_one_row(rows: list[tuple[int, str | None, Type | None, str, Any]]) -> None:
    script = Script().fault("kill-1", 3, 8, ["n1"])
    for at, node, type, f, error in rows:
        script.op(at, node, type, f=f, error=None if type is OK else error, took=0.5)
    history = script.history()
    answers = client_answers(history)
    pairs = [pair for pair in history.pairs() if pair[0].process is not None and pair[0].process >= 0]
    assert len(answers) == len(rows) == len(pairs)
    for row, (invoked, completed) in enumerate(pairs):
        node = answers.node[row]
        assert (None if node == NOBODY else answers.nodes[node], answers.fs[answers.f[row]]) == (
            invoked.node,
            invoked.f,
        )
        assert (answers.index[row], answers.invoked_ns[row]) == (invoked.index, invoked.time)
        assert answers.completed_ns[row] == (OPEN if completed is None else completed.time)
        assert answers.outcome[row] == (Type.INVOKE if completed is None else completed.type)
        served = completed is not None and (
            completed.type is OK or (completed.type is FAIL and refused(completed.error))
        )
        assert answers.served[row] == served
