"""Baselines: what they accept, until when, and how they are renewed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from harness.errors import PlanError
from harness.gate.baseline import Accepted, load, renewed

TODAY = date(2027, 1, 15)


def written(folder: Path, text: str) -> list[Accepted]:
    file = folder / "known.yaml"
    file.write_text(text)
    return load(file)


def test_an_entry_speaks_for_one_anomaly_of_one_case_until_its_expiry(tmp_path: Path) -> None:
    [entry] = written(
        tmp_path, "accepted:\n  - {claim: a, anomaly: lost-write, reason: LWW, issue: '#7', expires: 2027-01-15}\n"
    )
    assert entry.line == 2
    assert entry.covers("a", "lost-write", TODAY)
    assert not entry.covers("a", "stale-read", TODAY)
    assert not entry.covers("b", "lost-write", TODAY)
    assert not entry.covers("a", "lost-write", date(2027, 1, 16))


@pytest.mark.parametrize(
    "text, words",
    [
        ("accepted:\n  - {claim: a, anomaly: x}\n", "known.yaml:2: .*reason.* is missing"),
        ("accepted:\n  - {claim: a, anomaly: x, reason: ''}\n", "known.yaml:2: .*reason"),
        ("accepted:\n  - {claim: a, anomaly: x, reason: r, expires: soon}\n", "known.yaml:2: .*expires"),
        (
            "accepted:\n  - {claim: a, anomaly: x, reason: r, expiry: 2027-01-01}\n",
            "known.yaml:2: .*one of claim",
        ),
        ("- a\n", "known.yaml:1: "),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        written(tmp_path, text)


def test_renewing_keeps_what_stands_drops_what_is_gone_or_expired_and_adds_what_is_new(tmp_path: Path) -> None:
    standing = [
        Accepted("a", "lost-write", "LWW", issue="#7"),
        Accepted("b", "stale-read", "caches"),
        Accepted("c", "stale-read", "long ago", expires=date(2026, 1, 1)),
    ]
    text = renewed(standing, [("a", "lost-write"), ("d", "G0"), ("d", "G0")], [standing[1]], TODAY)
    again = written(tmp_path, text)
    assert [(entry.claim, entry.anomaly, entry.issue) for entry in again] == [
        ("a", "lost-write", "#7"),
        ("d", "G0", ""),
    ]
    assert again[0].expires is None
    assert again[1].expires == date(2027, 4, 15)
    assert "say why" in again[1].reason


def test_an_empty_file_accepts_nothing(tmp_path: Path) -> None:
    assert written(tmp_path, "") == []
