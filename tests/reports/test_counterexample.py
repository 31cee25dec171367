"""A violation laid out: columns, rows, blocks."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checker import Anomaly
from harness.operation import Operation, Type
from reports.counterexample import OPS_MAX, counterexample
from tests.reports.markup import parse
from tests.reports.synthetic import SECOND, failing, fault, history


def ops(*rows: tuple[int, str, Any, int, int | None, Type, Any], error: Any = None) -> Any:
    """A history out of `(process, f, value, start, end, type, answer)` in ms; an end of None leaves it open."""
    events = []
    for process, f, value, start, end, type_, answer in rows:
        events.append(Operation(f, "x", value, process, Type.INVOKE, start * 1_000_000, f"n{process}"))
        if end is not None:
            events.append(Operation(f, "x", answer, process, type_, end * 1_000_000, f"n{process}", error))
    return history(events)


def all_of(made: Any, **extra: Any) -> Anomaly:
    return Anomaly("stale-read", "because", tuple(range(len(made))), **{"key": "x", **extra})


def grid(example: Any) -> list[list[int | None]]:
    """The table as a browser lays it out: per row and column the number of the operation that covers it."""
    rows, width = example.rows, len(example.columns)
    cells: list[list[Any]] = [["free"] * width for _ in rows]
    for number, (_, begun) in enumerate(rows):
        column = 0
        for cell in begun:
            while cells[number][column] != "free":
                column += 1
            for covered in range(number, number + cell.rows):
                assert cells[covered][column] == "free", "two blocks on one place"
                cells[covered][column] = cell.span and cell.span.number
    assert all(place != "free" for row in cells for place in row), "a hole in the table"
    return cells


def test_blocks_that_overlap_in_time_stand_side_by_side() -> None:
    made = ops(
        (0, "write", 1, 0, 3, Type.OK, 1), (1, "read", None, 1, 2, Type.OK, None), (0, "read", None, 5, 6, Type.OK, 1)
    )
    example = counterexample(made, all_of(made), [], "violation-1")
    assert example.columns == [(0, "n0"), (1, "n1")]
    assert grid(example) == [[1, None], [1, 2], [1, 2], [1, None], [3, None], [3, None]]
    assert [(span.call, span.answer) for span in example.spans] == [
        ("write 1", "ok"),
        ("read", "ok: nothing"),
        ("read", "ok: 1"),
    ]


def test_what_was_never_answered_stays_open_to_the_end() -> None:
    made = ops(
        (0, "write", 1, 0, 2, Type.INFO, None),
        (1, "read", None, 4, 5, Type.OK, 1),
        (2, "write", 2, 6, None, Type.OK, None),
    )
    example = counterexample(made, all_of(made), [], "violation-1")
    assert grid(example) == [
        [1, None, None], [1, None, None], [1, 2, None], [1, 2, None], [1, None, 3], [1, None, 3],
    ]  # fmt: skip
    assert [time for time, _ in example.rows][-2:] == [6_000_000, None]
    assert [span.outcome for span in example.spans] == ["info", "ok", "info"]
    assert example.spans[2].answer == "never answered"


def test_calls_and_answers_are_told_in_the_words_of_the_workload() -> None:
    made = ops((0, "cas", [3, 7], 0, 1, Type.FAIL, None), error={"current": 5})
    [span] = counterexample(made, all_of(made), [], "v").spans
    assert (span.call, span.answer, span.outcome) == ("cas 3 → 7", "refused: found 5", "refused")
    [span] = counterexample(made, all_of(made, key=None), [], "v").spans
    assert span.call == "cas x 3 → 7"
    made = ops((0, "write", 3, 0, 1, Type.INFO, None), error="timeout")
    assert (
        counterexample(made, all_of(made), [], "v").spans[0].answer
        == "no answer (timeout): may take effect at any time"
    )
    made = ops((0, "append", ["k", 3], 0, 1, Type.FAIL, None), error=["busy"])
    [span] = counterexample(made, all_of(made), [], "v").spans
    assert (span.call, span.answer) == ('append ["k", 3]', 'failed: ["busy"]')


@settings(max_examples=60)
@given(st.data())
def test_every_layout_is_a_whole_table(data: st.DataObject) -> None:
    rows = []
    for process in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 5))
        for _ in range(data.draw(st.integers(1, 3))):
            end = at + data.draw(st.integers(1, 6))
            type_ = data.draw(st.sampled_from([Type.OK, Type.FAIL, Type.INFO]))
            rows.append((process, "read", None, at, end, type_, 1))
            at = end + data.draw(st.integers(1, 5))
            if type_ is Type.INFO:
                break
    made = ops(*rows)
    example = counterexample(made, all_of(made), [], "v")
    cells = grid(example)
    for span in example.spans:
        column = example.columns.index((span.invocation.process, span.invocation.node))
        covered = [number for number, row in enumerate(cells) if row[column] == span.number]
        assert example.rows[covered[0]][0] == span.start_ns
        last = example.rows[covered[-1]][0]
        assert last == span.end_ns if not span.open else covered[-1] == len(cells) - 1
    parse(example.svg)


def test_only_faults_in_force_at_the_time_are_named() -> None:
    made = ops((0, "write", 1, 2000, 3000, Type.OK, 1))
    faults = [
        fault(1, "kill", 0, 1, ["n1"]),
        fault(2, "kill", 0, 2.5, ["n1"]),
        fault(3, "kill", 2.9, None, ["n1"]),
        fault(4, "kill", 4, 5, ["n1"]),
    ]
    assert [one.id for one in counterexample(made, all_of(made), faults, "v").faults] == ["kill-2", "kill-3"]


def test_completions_lead_to_their_invocations_and_strays_to_nothing() -> None:
    made = ops((0, "write", 1, 0, 3, Type.OK, 1), (1, "read", None, 1, 2, Type.OK, None))
    example = counterexample(made, Anomaly("a", "b", (3, 2, 99, -7)), [], "v")
    assert [span.invocation.index for span in example.spans] == [0, 1]
    assert counterexample(made, Anomaly("a", "b"), [], "v").rows == []


def test_a_proof_of_hundreds_is_cut() -> None:
    made = ops(*((process, "read", None, process, process + 5, Type.OK, 1) for process in range(300)))
    example = counterexample(made, all_of(made), [], "v")
    assert len(example.spans) == OPS_MAX and example.left_out == 300 - OPS_MAX


def test_the_drawing_is_to_scale() -> None:
    run = failing()
    [(_, anomaly)] = run.anomalies
    example = counterexample(run.history, anomaly, run.faults, "violation-1")
    bars = [one for one in parse(example.svg).all("rect") if "bar" in one.classes]
    starts = [float((bar.attributes["x"] or "").rstrip("%")) for bar in bars]
    begun = [span.start_ns for span in example.spans]
    ratio = (starts[2] - starts[0]) / (starts[1] - starts[0])
    assert abs(ratio - (begun[2] - begun[0]) / (begun[1] - begun[0])) < 0.01
    assert begun[-1] - begun[0] > SECOND
