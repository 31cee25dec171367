"""What a plan comes to: its claims and their names."""

from __future__ import annotations

from typing import Any

from harness.experiment import resolve
from harness.plan import Plan


def ids(*expect: Any) -> list[str]:
    return [claim.id for claim in resolve(Plan.build({"target": "raft", "expect": list(expect)})).claims]


def test_an_expectation_is_called_by_its_name() -> None:
    assert ids("linearizable", {"not": "sequential"}, {"lost_writes": 0}) == [
        "linearizable",
        "not-sequential",
        "lost_writes",
    ]


def test_expectations_of_one_name_are_told_apart_by_their_order() -> None:
    majority, minority = ({"availability": {"min": 0.1, "side": side}} for side in ("majority", "minority"))
    assert ids(majority, "linearizable", minority, {"not": minority}, {"availability": {"min": 0.5}}) == [
        "availability",
        "linearizable",
        "availability-2",
        "not-availability",
        "availability-3",
    ]
