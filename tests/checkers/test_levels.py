"""The lattice of isolation levels."""

from __future__ import annotations

import pytest

from checkers import Verdict, check, levels
from tests.checkers.transactions import Txn, recorded


def test_stronger_levels_forbid_more() -> None:
    for level, weaker in levels.WEAKER.items():
        for other in set(weaker) - {"linearizable"}:
            assert levels.forbidden(other) <= levels.forbidden(level), (level, other)


@pytest.mark.parametrize("level", levels.LEVELS)
def test_whatever_a_level_forbids_breaks_it_and_nothing_else_does(level: str) -> None:
    name = levels.canonical(level)
    for anomaly in sorted({*levels.ANOMALIES_IMPLIED, *sum(levels.FORBIDDEN.values(), ())}):
        where = levels.boundary([anomaly])
        assert (name in {*where.broken, *where.fallen}) == (anomaly in levels.forbidden(level)), anomaly


def test_thin_air_breaks_every_level() -> None:
    assert all("thin-air" in levels.forbidden(level) for level in levels.LEVELS)


@pytest.mark.parametrize(
    ("anomalies", "broken", "strongest"),
    [
        ([], (), ("strong-serializable",)),
        (["G2-item-realtime"], ("strong-serializable",), ("strong-session-serializable", "strong-snapshot-isolation")),
        (["G2-item-process"], ("strong-session-serializable",), ("serializable", "strong-snapshot-isolation")),
        (["G0"], ("read-uncommitted",), ()),
        (["G0", "G2-item"], ("read-uncommitted",), ()),
    ],
)
def test_boundaries(anomalies: list[str], broken: tuple[str, ...], strongest: tuple[str, ...]) -> None:
    where = levels.boundary(anomalies)
    assert (where.broken, where.strongest) == (broken, strongest)
    assert not {*where.broken, *where.fallen} & {*where.strongest}


def test_what_is_no_level() -> None:
    for wrong in ("linearizable", "", "Serializable"):
        with pytest.raises(KeyError):
            levels.canonical(wrong)


def test_levels_that_are_refuted_in_part_say_so() -> None:
    """Write skew: update serializability forbids it, and nothing here looks for that; serializability does."""
    skew = [
        Txn([["r", "x", []], ["append", "y", 1]], 0, 10, 0),
        Txn([["r", "y", []], ["append", "x", 2]], 0, 10, 1),
        Txn([["r", "x", [2]], ["r", "y", [1]]], 20, 30, 2),
    ]
    history = recorded(skew)
    assert check(history, "list-append", level="serializable").verdict is Verdict.FAIL
    for level in levels.UNSEEN:
        told = check(history, "list-append", level=level)
        assert told.verdict is Verdict.PASS
        assert f"answer incomplete: {levels.UNSEEN[level]} are not looked for" in told.why
    assert "incomplete" not in check(history, "list-append", level="snapshot-isolation").why
