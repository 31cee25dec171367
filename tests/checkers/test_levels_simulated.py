"""Simulated databases of 10,000 transactions: the weakest levels broken and the strongest not refuted, exactly."""

from __future__ import annotations

import pytest

from checkers.list_append import ListAppend
from checkers.rw_register import RwRegister
from harness.checker import Budget
from harness.history import History
from harness.verdict import Verdict
from tests.checkers import databases
from tests.checkers.transactions import Txn, recorded

BUDGET = Budget(seconds=60.0, memory_bytes=1 << 30)
TXNS = 10_000


@pytest.fixture(scope="module", params=[1, 2])
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def history(txns: list[Txn]) -> History:
    assert len(txns) >= TXNS
    return recorded(txns)


@pytest.mark.parametrize(
    ("database", "broken", "strongest"),
    [
        ("serializable", [], ["strong-serializable"]),
        ("snapshot", ["repeatable-read"], ["strong-snapshot-isolation", "update-serializable"]),
        # Old states are met by sessions that know newer ones.
        (
            "prefix",
            ["repeatable-read", "strong-snapshot-isolation"],
            ["snapshot-isolation", "strong-read-committed", "update-serializable"],
        ),
        # Locks on what is written, and nothing for what is read.
        (
            "read-committed",
            ["consistent-view", "read-atomic", "repeatable-read"],
            [
                "cursor-stability",
                "monotonic-atomic-view",
                "monotonic-snapshot-read",
                "monotonic-view",
                "strong-read-committed",
            ],
        ),
    ],
)
def test_lists(database: str, broken: list[str], strongest: list[str], seed: int) -> None:
    made = history(databases.lists(database, txns=TXNS, seed=seed))
    result = ListAppend(level="strict-serializable").check(made, budget=BUDGET)
    assert (result.stats["not"], result.stats["strongest"]) == (broken, strongest)
    assert (result.verdict is Verdict.PASS) == (not broken), result.why
    for level in strongest:
        assert ListAppend(level=level).check(made, budget=BUDGET).verdict is Verdict.PASS
    for level in broken:
        assert ListAppend(level=level).check(made, budget=BUDGET).verdict is Verdict.FAIL


def test_causal_registers(seed: int) -> None:
    made = history(databases.replicas(txns=TXNS, seed=seed))
    for level in ("read-committed", "read-atomic", "causal"):
        assert RwRegister(level=level).check(made, budget=BUDGET).verdict is Verdict.PASS, level
    result = RwRegister(level="strict-serializable", writes_follow_reads=True).check(made, budget=BUDGET)
    # Nobody notices that two replicas update one value. What registers do not show of the order of writes stays open.
    assert result.stats["not"] == ["cursor-stability", "update-atomic"]
    assert result.stats["strongest"] == ["monotonic-snapshot-read", "monotonic-view", "prefix", "strong-read-committed"]
