"""What a page's script is told of the operations is what the history says."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.answers import client_answers
from harness.history import History
from harness.operation import Operation, Type
from reports import operations as subject
from reports.backdrop import Backdrop
from reports.data import RunData
from reports.operations import NEAR_NS, Operations, Violation, operations
from reports.series import series
from tests.reports.synthetic import NODES, SECOND, available, failing, history, load, passing
from tests.reports.unpacking import Row, rows


def packed(made: History, violations: list[Violation] | None = None, faults: Any = (), **options: Any) -> Operations:
    return operations(
        made, client_answers(made), Backdrop.of(series(made, faults), faults), violations or [], **options
    )


def expected(made: History, unit: int) -> list[Row]:
    """The rows that a reader of the history would write down, one operation at a time."""
    found = []
    for call, answer in made.pairs():
        assert call.process is not None
        if call.process < 0:
            continue
        outcome = "open" if answer is None else answer.type.label
        if answer and outcome == "fail" and isinstance(answer.error, dict) and "current" in answer.error:
            outcome = "refused"
        asked = None if call.value is None else compact(call.value)
        said = None if answer is None else answer.value if answer.error is None else answer.error
        answered = None if said is None else compact(said) if answer and answer.error is None else reason(said)
        ended = None if answer is None else answer.time // unit * unit
        key = None if call.key is None else str(call.key)
        start = call.time // unit * unit
        found.append(Row(call.index, start, ended, call.f, outcome, call.process, call.node, key, asked, answered))
    return found


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def reason(error: Any) -> str:
    if isinstance(error, dict) and "current" in error:
        return f"found {error['current']}"
    return str(error["text"] if isinstance(error, dict) else error)


ERRORS = st.sampled_from([None, "timeout", {"code": 22, "current": 4}, {"code": 13, "text": "no leader"}])
STEPS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["read", "write", "cas"]),
        st.sampled_from(["a", "b", None]),
        st.integers(0, 3 * SECOND),
        st.integers(0, 10**10),
        st.sampled_from([Type.OK, Type.FAIL, Type.INFO, None]),
        ERRORS,
        st.none() | st.integers(0, 9) | st.lists(st.integers(0, 9), max_size=2),
    ),
    max_size=30,
)


@given(STEPS)
@settings(deadline=None)
def test_every_operation_comes_back_as_it_was_recorded(steps: list[Any]) -> None:
    events, free = [], dict.fromkeys(range(5), 0)
    for process, f, key, wait, spent, type_, error, value in steps:
        if process not in free:
            continue
        start = free[process] + wait
        node = NODES[process] if process else None
        events.append(Operation(f, key, value, process, Type.INVOKE, start, node))
        if type_ is None:
            del free[process]
            continue
        said = error if type_ is not Type.OK else None
        events.append(Operation(f, key, value if said is None else None, process, type_, start + spent, node, said))
        free[process] = start + spent + 1
    made = history(events)
    head, found = rows(packed(made).text)
    assert found == expected(made, head["unit"])


@pytest.mark.parametrize("run", [passing(), failing()], ids=["passing", "failing"])
def test_a_whole_run_comes_back(run: RunData) -> None:
    block = packed(run.history, faults=run.faults)
    head, found = rows(block.text)
    told = [dataclasses.replace(row, asked=None, answered=None) for row in found]
    wanted = [dataclasses.replace(row, asked=None, answered=None) for row in expected(run.history, head["unit"])]
    assert told == wanted and block.shown == block.all == len(found)
    assert head["gaps"] == [] and len(head["faults"]) == sum(fault.applied for fault in run.faults)


def test_years_of_silence_only_make_times_coarser() -> None:
    year = 365 * 24 * 3600 * SECOND
    events = [Operation("read", "k", None, 0, Type.INVOKE, 5), Operation("read", "k", 1, 0, Type.OK, year)]
    events.append(Operation("read", "k", None, 0, Type.INVOKE, 2 * year))
    head, found = rows(packed(history(events)).text)
    assert head["unit"] == 100_000_000
    assert [row.start for row in found] == [0, 2 * year] and found[0].ended == year


def test_a_violation_names_the_rows_of_its_operations() -> None:
    run = failing()
    [(_, anomaly)] = run.anomalies
    ends = [made for event in anomaly.ops if (made := run.history.completion(event)) is not None]
    by_ends = Violation(None, "stale-read", None, "by its completions", [*ends, -4, 10**9])
    whole = Violation("violation-1", anomaly.type, anomaly.key, anomaly.message, anomaly.ops)
    head, found = rows(packed(run.history, [whole, by_ends]).text)
    calls = [event for event in anomaly.ops if run.history[event].type is Type.INVOKE]
    for one in head["violations"]:
        assert [found[row].event for row in one["rows"]] == calls
    assert [one["anchor"] for one in head["violations"]] == ["violation-1", None]


def test_beyond_the_limit_those_near_the_violations_are_kept() -> None:
    run = failing()
    [(_, anomaly)] = run.anomalies
    violation = Violation(None, anomaly.type, anomaly.key, anomaly.message, anomaly.ops)
    block = packed(run.history, [violation], run.faults, ops_max=3000)
    head, found = rows(block.text)
    assert block.shown == len(found) == 3000 < block.all
    assert len(head["violations"][0]["rows"]) == len(anomaly.ops) // 2
    everything = {row.event: row for row in rows(packed(run.history).text)[1]}
    assert all(everything[row.event].start == row.start for row in found)
    inside = [row.start for row in everything.values() if not any(a <= row.start < b for a, b in head["gaps"])]
    assert {row.start for row in found} <= set(inside)
    proofs = [run.history[event].time for event in anomaly.ops]
    near = {row.event for row in everything.values() if min(proofs) - NEAR_NS + 1000 < row.start < max(proofs)}
    assert near <= {row.event for row in found}


def test_without_violations_the_faults_come_first() -> None:
    run = passing()
    first = min(fault.start_ns for fault in run.faults)
    _, found = rows(packed(run.history, faults=run.faults, ops_max=500).text)
    assert len(found) == 500 and all(abs(row.start - first) <= NEAR_NS for row in found)


def test_values_of_a_large_run_are_those_round_the_violations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "VALUES_OPS_MAX", 100)
    run = failing()
    [(_, anomaly)] = run.anomalies
    violation = Violation(None, anomaly.type, anomaly.key, anomaly.message, anomaly.ops)
    head, found = rows(packed(run.history, [violation]).text)
    valued = head["values"]["rows"]
    assert set(head["violations"][0]["rows"]) <= set(valued) and 40 < len(valued) <= 110
    assert "57" in [found[row].asked for row in head["violations"][0]["rows"]]
    assert rows(packed(run.history).text)[0]["values"]["rows"] == []


def test_long_and_hostile_texts_are_cut_and_made_harmless() -> None:
    evil = "\u202egnorw\x00</script>" + "x" * 1_000_000
    events = [Operation(evil, evil, evil, 0, Type.INVOKE, 0, evil)]
    events.append(Operation(evil, evil, None, 0, Type.FAIL, 5, evil, evil))
    block = packed(history(events))
    assert len(block.text) < 3000
    [row] = rows(block.text)[1]
    for text in (row.f, row.key, row.node, row.asked, row.answered):
        assert text and len(text) < 400 and "\u202e" not in text and "\x00" not in text and "u202e" in text


def test_texts_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "TEXTS_CHARS_MAX", 300)
    head, _ = rows(packed(failing().history).text)
    assert sum(map(len, head["values"]["texts"])) <= 300 and -1 in head["values"]["asked"]


def test_a_hundred_thousand_operations_take_well_under_a_second_and_bytes_a_head() -> None:
    made = history(load(available([]), time_s=60, rate=800.0, workers=40))
    answers = client_answers(made)
    back = Backdrop.of(series(made, answers=answers), [])
    began = time.process_time()
    block = operations(made, answers, back)
    spent = time.process_time() - began
    assert block.all > 45_000
    assert spent < 1.0 and len(block.text) < 10 * block.all


def test_a_run_without_operations_has_an_empty_block() -> None:
    head, found = rows(packed(history([])).text)
    assert found == [] and head["ops"] == 0 and head["span"] > 0
