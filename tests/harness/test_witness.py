"""The operations behind a violation, as lines of text that are safe to print."""

from __future__ import annotations

from histories import FAIL, INFO, Script

from harness.checker import Anomaly
from harness.witness import OPS_MAX, witness


def anomaly(*ops: int) -> Anomaly:
    return Anomaly("stale-read", "an old value", ops)


def test_an_operation_is_a_line_with_its_times_its_process_and_its_answer() -> None:
    history = Script().op(1.0, f="write", value=7).op(2.0, "n2", value=None).history()
    assert witness(history, anomaly(0, 3)) == (
        "1.000000 to 1.010000 s  process 0 on n1: write x 7 -> ok",
        "2.000000 to 2.010000 s  process 1 on n2: read x -> ok null",
    )


def test_an_operation_is_told_once_in_the_order_of_invocation() -> None:
    history = Script().op(1.0, f="write", value=7).op(2.0, value=7).history()
    assert [line.split(": ")[1] for line in witness(history, anomaly(3, 1, 0, 2))] == [
        "write x 7 -> ok",
        "read x -> ok 7",
    ]


def test_what_failed_and_what_nobody_knows_are_told_apart() -> None:
    script = Script().op(1.0, type=FAIL, f="write", value=1, error="refused")
    script.op(2.0, type=INFO, f="write", value=2, error="timeout").op(3.0, type=None, f="write", value=3)
    lines = witness(script.history(), anomaly(0, 2, 4))
    assert lines[0].endswith("write x 1 -> failed: refused")
    assert lines[1].endswith(
        "to ... s  process 1 on n1: write x 2 -> no answer (timeout): it may take effect at any time"
    )
    assert lines[2].endswith("write x 3 -> no answer: it may take effect at any time")


def test_values_cannot_steer_the_terminal_nor_flood_it() -> None:
    history = Script().op(1.0, value="\x1b[2J\u202e" + "a" * 5000).history()
    [line] = witness(history, anomaly(0))
    assert line.isprintable()
    assert "\\u001b" in line
    assert len(line) < 400
    assert "5,005 characters" in line


def test_indices_outside_the_history_are_passed_over_and_many_are_cut() -> None:
    script = Script()
    for at in range(OPS_MAX + 5):
        script.op(at, value=at)
    history = script.history()
    assert witness(history, anomaly(-1, 10**9)) == ()
    lines = witness(history, anomaly(*range(len(history))))
    assert len(lines) == OPS_MAX + 1
    assert lines[-1] == "and 5 more operations"
