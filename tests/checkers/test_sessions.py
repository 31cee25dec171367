"""Promises weaker than linearizability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from checkers import sessions
from checkers.sessions import Factory
from harness import _core
from harness.checker import Budget, Result
from harness.errors import HistoryError
from harness.history import History
from harness.verdict import Verdict

BUDGET = Budget(seconds=20.0, memory_bytes=1 << 28)
ALL: dict[str, Factory] = {
    "sequential": sessions.sequential,
    "causal": sessions.causal,
    "pram": sessions.pram,
    "monotonic-reads": sessions.monotonic_reads,
    "monotonic-writes": sessions.monotonic_writes,
    "read-your-writes": sessions.read_your_writes,
    "writes-follow-reads": sessions.writes_follow_reads,
}

Deed = tuple[int, str, str, Any]
"""Process, "w" or "r", key, value."""


def recorded(deeds: Sequence[Deed]) -> History:
    """Operations one after the other."""
    recorder = _core.Recorder()
    for at, (process, f, key, value) in enumerate(deeds):
        name, asked = ("write", value) if f == "w" else ("read", None)
        invoked = recorder.invoke(10 * at, process, name, key, asked)
        recorder.complete(invoked, 10 * at + 5, 1, value)
    return History(recorder.history())


def broken(deeds: Sequence[Deed]) -> set[str]:
    history = recorded(deeds)
    return {name for name, make in ALL.items() if make().check(history, budget=BUDGET).verdict is Verdict.FAIL}


ABOVE_PRAM = {"sequential", "causal", "pram"}


@pytest.mark.parametrize(
    ("deeds", "expected"),
    [
        ([(0, "w", "x", 1), (1, "r", "x", 1)], set()),
        # An old value, long after: only real time forbids it.
        ([(0, "w", "x", 1), (0, "w", "x", 2), (1, "r", "x", 1)], set()),
        (
            [(0, "w", "x", 1), (0, "w", "x", 2), (1, "r", "x", 2), (1, "r", "x", 1)],
            ABOVE_PRAM | {"monotonic-reads", "monotonic-writes"},
        ),
        ([(0, "w", "x", 1), (0, "r", "x", None)], ABOVE_PRAM | {"read-your-writes"}),
        (
            [(0, "w", "x", 1), (0, "w", "y", 1), (1, "r", "y", 1), (1, "r", "x", None)],
            ABOVE_PRAM | {"monotonic-writes"},
        ),
        (
            [(0, "w", "x", 1), (1, "r", "x", 1), (1, "w", "y", 1), (2, "r", "y", 1), (2, "r", "x", None)],
            {"sequential", "causal", "writes-follow-reads"},
        ),
        # Two sessions see two writes in different orders.
        (
            [
                (0, "w", "x", 1),
                (1, "w", "x", 2),
                (2, "r", "x", 1),
                (3, "r", "x", 2),
                (2, "r", "x", 2),
                (3, "r", "x", 1),
            ],
            {"sequential"},
        ),
        # Both sessions miss the other's write.
        ([(0, "w", "x", 1), (1, "w", "y", 1), (0, "r", "y", None), (1, "r", "x", None)], {"sequential"}),
    ],
)
def test_what_breaks_what(deeds: list[Deed], expected: set[str]) -> None:
    assert broken(deeds) == expected


def check(deeds: Sequence[Deed], make: Factory) -> Result:
    return make().check(recorded(deeds), budget=BUDGET)


def test_a_violation_is_told_session_by_session() -> None:
    noise: list[Deed] = [(5, "w", "z", i) for i in range(50)]
    result = check([*noise, (0, "w", "x", 1), (0, "w", "x", 2), (1, "r", "x", 2), (1, "r", "x", 1)], sessions.causal)
    assert result.anomalies[0].message == (
        "No order of the writes that agrees with what caused what explains what one session saw: Process 0 wrote 1 to "
        "key x, then wrote 2 to key x; process 1 read 2 of key x, then read 1 of key x."
    )
    assert list(result.anomalies[0].ops) == list(range(100, 108))
    assert dict(result.stats) | {"seconds": 0} == {"ops": 54, "sessions": 3, "keys": 2, "seconds": 0}


def test_a_value_from_nowhere_breaks_every_promise() -> None:
    deeds: list[Deed] = [(0, "r", "x", 1)]
    assert broken(deeds) == set(ALL)
    [anomaly] = check(deeds, sessions.pram).anomalies
    assert (anomaly.type, anomaly.message) == ("thin-air-read", "Process 0 read 1 of key x, but nobody wrote that.")


def test_values_written_twice_are_undecided() -> None:
    result = check([(0, "w", "x", 1), (1, "w", "x", 1), (2, "r", "x", 1)], sessions.causal)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "written more than once" in result.why


def test_nothing_judged_is_not_a_pass() -> None:
    assert check([], sessions.pram).verdict is Verdict.INCONCLUSIVE


def test_what_is_no_register_history_is_refused() -> None:
    recorder = _core.Recorder()
    recorder.complete(recorder.invoke(0, 0, "push", "x", 1), 1, 1, 1)
    with pytest.raises(HistoryError, match="event 0: a register knows"):
        sessions.causal().check(History(recorder.history()), budget=BUDGET)
