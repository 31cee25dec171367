"""The bank's schedule."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.bank import OPENING, Bank


def test_it_transfers_between_two_accounts_and_audits_all_in_the_shares_asked_for() -> None:
    ops = load(Bank(accounts=3, amount=4, mix={"transfer": 3, "read": 1}))
    transfers = [op.value for op in ops if op.f == "transfer"]
    assert 0.7 < len(transfers) / len(ops) < 0.8
    assert {(move["from"], move["to"]) for move in transfers} == {(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)}
    assert {move["amount"] for move in transfers} == {1, 2, 3, 4}
    assert all(op.value == [0, 1, 2] for op in ops if op.f == "read")


def test_in_the_end_every_worker_audits_all_accounts() -> None:
    assert Counter((op.process, op.f, str(op.value)) for op in ending(Bank(accounts=2))) == {
        (process, "read", "[0, 1]"): 1 for process in range(4)
    }


def test_the_checker_is_told_what_the_accounts_hold() -> None:
    assert Bank(accounts=2).checker_options("bank") == {"accounts": [0, 1], "total": 2 * OPENING}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"accounts": 1}, "bank: accounts must be a whole number"),
        ({"amount": 0}, "bank: amount must be a whole number"),
        ({"mix": {"deposit": 1}}, "bank: mix"),
    ],
)
def test_options_are_checked(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Bank(**options)
