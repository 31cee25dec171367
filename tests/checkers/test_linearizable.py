"""Linearizability of registers, as users of the Python class see it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkers.linearizable import Linearizable
from harness import _core
from harness.checker import Budget, Result
from harness.errors import HistoryError, UsageError
from harness.history import History
from harness.verdict import Verdict
from tests.checkers.registers import Op, is_linearizable, recorded

BUDGET = Budget(seconds=20.0, memory_bytes=1 << 28)


def check(ops: list[Op], **options: Any) -> Result:
    """The answer, once the verdict alone is seen to be the same."""
    checker, history = Linearizable(**options), recorded(ops)
    result = checker.check(history, budget=BUDGET)
    assert checker.decide(history, budget=BUDGET) is result.verdict
    return result


def test_a_valid_history_passes_and_says_how() -> None:
    result = check([Op("write", 1, 0, 5), Op("read", 1, 6, 7), Op("cas", [1, 2], 8, 9), Op("read", 2, 10, 11)])
    assert result.verdict is Verdict.PASS
    assert result.model == "linearizable cas-register"
    assert result.why == "4 operations on 1 key are linearizable, decided by zones"
    assert dict(result.stats) | {"seconds": 0} == {
        "keys": 1,
        "keys_failed": 0,
        "keys_unknown": 0,
        "keys_unconfirmed": 0,
        "keys_searched": 0,
        "ops": 4,
        "undecided": [],
        "seconds": 0,
    }


def test_a_stale_read_is_explained_by_its_events() -> None:
    ops = [Op("write", 7, 0, 800), Op("write", 9, 900, 1100), Op("read", 9, 1150, 1160), Op("read", 7, 1204, 1210)]
    history = recorded(ops)
    result = Linearizable().check(history, budget=BUDGET)
    assert result.verdict is Verdict.FAIL
    [anomaly] = result.anomalies
    assert (anomaly.type, anomaly.key) == ("stale-read", "x")
    assert anomaly.message == (
        "Process 3 read 7 at 1,204 ms although 9 had been written over it by process 1, "
        "whose write was acknowledged at 1,100 ms."
    )
    assert list(anomaly.ops) == [0, 1, 2, 3, 6, 7]
    assert Linearizable().check(history.select(anomaly.ops), budget=BUDGET).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("ops", "kind"),
    [
        ([Op("read", 5, 0, 1)], "thin-air-read"),
        ([Op("write", 5, 0, 1, "fail"), Op("read", 5, 2, 3)], "aborted-read"),
        ([Op("write", 1, 0, 1), Op("cas", [1, 2], 2, 3), Op("cas", [1, 3], 2, 3)], "forked-cas"),
        ([Op("write", 1, 0, 1), Op("write", 2, 2, 3), Op("cas", [1, 3], 4, 5)], "non-linearizable"),
        ([Op("read", 1, 0, 1), Op("write", 1, 2, 3)], "non-linearizable"),
        ([Op("write", 1, 0, 1), Op("write", 2, 2, 3), Op("write", 1, 4, 5), Op("read", 2, 6, 7)], "stale-read"),
    ],
)
def test_violations_have_names(ops: list[Op], kind: str) -> None:
    result = check(ops)
    assert [anomaly.type for anomaly in result.anomalies] == [kind]
    assert not is_linearizable(ops)


def test_a_refused_cas_that_reports_the_value_is_a_read() -> None:
    refused = Op("cas", [9, 8], 6, 7, "fail", error={"current": 1})
    ops = [Op("write", 1, 0, 1), Op("write", 2, 2, 3), refused]
    assert [anomaly.type for anomaly in check(ops).anomalies] == ["stale-read"]
    assert check([*ops[:2], refused._replace(error="unavailable")]).verdict is Verdict.PASS


def test_refused_cas_can_be_asserted() -> None:
    ops = [Op("write", 1, 0, 1), Op("cas", [1, 2], 2, 3, "fail")]
    assert check(ops).verdict is Verdict.PASS
    assert check(ops, failed_cas="assert").verdict is Verdict.FAIL


def test_crashed_clients_cost_nothing_and_prove_nothing() -> None:
    crashed = [Op("write", 100 + i, i, 0, None) for i in range(60)]
    seen = [Op("read", 100 + i, 1000 + 2 * i, 1001 + 2 * i) for i in range(60)]
    assert check([*crashed, *seen]).verdict is Verdict.PASS
    again = Op("read", 100, 2000, 2001)
    assert check([*crashed, *seen, again]).verdict is Verdict.FAIL


def test_keys_are_judged_by_themselves() -> None:
    ops = [Op("write", 1, 0, 1, key="a"), Op("read", None, 2, 3, key="b"), Op("read", None, 4, 5, key="a")]
    result = check(ops)
    assert (result.stats["keys"], result.stats["keys_failed"]) == (2, 1)
    assert [anomaly.key for anomaly in result.anomalies] == ["a"]
    assert result.why.startswith("1 of 2 keys not linearizable; key a: ")


def test_the_initial_value_is_the_users() -> None:
    ops = [Op("read", 0, 0, 1)]
    assert check(ops, initial=0).verdict is Verdict.PASS
    assert check(ops).verdict is Verdict.FAIL


def test_nothing_judged_is_not_a_pass() -> None:
    assert check([]).verdict is Verdict.INCONCLUSIVE


def test_out_of_budget_is_inconclusive_and_says_how_far_it_came() -> None:
    rng = random.Random(4)
    ops, state = [], 0
    for i in range(30_000):
        at = 10 * i
        if rng.random() < 0.5:
            state = rng.randrange(3)
            ops.append(Op("write", state, at - rng.randrange(400), at + rng.randrange(400)))
        else:
            ops.append(Op("read", state, at - rng.randrange(400), at + rng.randrange(400)))
    ops = [op._replace(call=op.call + 400, ret=op.ret + 401) for op in ops]
    checker = Linearizable(initial=0)
    budget = Budget(seconds=0.0, memory_bytes=1 << 20)
    result = checker.check(recorded(ops), budget=budget)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "undecided" in result.why and "is linearizable" in result.why
    assert checker.decide(recorded(ops), budget=budget) is Verdict.INCONCLUSIVE
    stale = [Op("write", 1, 0, 1, key="y"), Op("write", 2, 2, 3, key="y"), Op("read", 1, 4, 5, key="y")]
    assert checker.decide(recorded([*ops, *stale]), budget=budget) is Verdict.FAIL


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "quue"}, "no model 'quue'"),
        ({"failed_cas": "maybe"}, "drop or assert"),
        ({"initial": {1, 2}}, "must be a JSON value"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Linearizable(**options)


@pytest.mark.parametrize(
    ("op", "options", "message"),
    [
        (Op("append", 1, 0, 1), {}, 'event 0: a register knows read, write and cas, not "append"'),
        (Op("cas", [1, 2], 0, 1), {"model": "register"}, "event 0: a register knows read and write"),
        (Op("cas", 3, 0, 1), {}, r"event 0: a cas needs the value \[expected, new\], not 3"),
    ],
)
def test_what_is_no_register_history_is_refused(op: Op, options: dict[str, Any], message: str) -> None:
    with pytest.raises(HistoryError, match=message):
        check([op], **options)


def test_what_is_no_history_is_refused() -> None:
    history = recorded([Op("write", 1, 0, 5)]).select([1])
    with pytest.raises(HistoryError, match="event 1: "):
        Linearizable().check(history, budget=BUDGET)
    with pytest.raises(HistoryError, match="event 1: "):
        Linearizable().decide(history, budget=BUDGET)


@st.composite
def histories(draw: st.DrawFn) -> list[Op]:
    """Any operations on few values: mostly wrong, so violations and near misses abound."""
    unique = draw(st.booleans())
    ops = []
    for index in range(draw(st.integers(1, 6))):
        call, length = draw(st.integers(0, 12)), draw(st.integers(0, 6))
        f = draw(st.sampled_from(["read", "read", "write", "cas"]))
        new = index + 1 if unique else draw(st.integers(1, 2))
        found = draw(st.one_of(st.none(), st.integers(1, 3)))
        value: Any = found if f == "read" else new if f == "write" else [found, new]
        ops.append(Op(f, value, call, call + length, draw(st.sampled_from(["ok", "ok", "ok", "fail", "info", None]))))
    return ops


@settings(max_examples=400, deadline=None)
@given(histories())
def test_agrees_with_every_order_tried(ops: list[Op]) -> None:
    history = recorded(ops)
    result = Linearizable().check(history, budget=BUDGET)
    assert result.verdict is (Verdict.PASS if is_linearizable(ops) else Verdict.FAIL)
    assert Linearizable().decide(history, budget=BUDGET) is result.verdict
    for anomaly in result.anomalies:
        assert list(anomaly.ops) == sorted(anomaly.ops)
        part = history.select(anomaly.ops)
        assert Linearizable().check(part, budget=BUDGET).verdict is Verdict.FAIL
        assert len(part) <= len(history)


def test_where_clocks_go_backwards_the_order_of_events_counts() -> None:
    recorder = _core.Recorder()
    write = recorder.invoke(100, 0, "write", "x", 1)
    read = recorder.invoke(50, 1, "read", "x")
    recorder.complete(write, 60, 1, 1)
    recorder.complete(read, 55, 1, None)
    late = recorder.invoke(130, 2, "read", "x")
    recorder.complete(late, 120, 1, None)
    history = History(recorder.history())
    [anomaly] = Linearizable().check(history, budget=BUDGET).anomalies
    assert list(anomaly.ops) == [0, 2, 4, 5]


def test_reads_a_selection_by_its_own_rows() -> None:
    ops = [Op("write", 1, 0, 1, key="a"), Op("write", 2, 2, 3), Op("read", None, 4, 5)]
    history: History = recorded(ops).for_key("x")
    [anomaly] = Linearizable().check(history, budget=BUDGET).anomalies
    assert list(anomaly.ops) == [2, 3, 4, 5]
