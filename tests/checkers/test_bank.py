"""Banks."""

from __future__ import annotations

from typing import Any

import pytest

from checkers.bank import Bank
from harness.checker import Budget
from harness.errors import HistoryError, UsageError
from harness.operation import Type
from harness.verdict import Verdict
from tests.checkers.application import Did, told
from tests.checkers.lines import done, judged, only

MOVE = done(0, "transfer", '{"from":0,"to":1,"amount":3}')


def read(process: int, *balances: int | None) -> str:
    members = ",".join(f'"{account}":{"null" if b is None else b}' for account, b in enumerate(balances))
    return done(process, "read", "", "{" + members + "}")


def test_the_total_is_kept() -> None:
    result = judged(Bank(), read(1, 10, 0) + MOVE + read(2, 7, 3))
    assert (result.verdict, result.stats["total_taken_for_right"]) == (Verdict.PASS, "10")
    assert result.why == "2 reads found the same total, through 1 transfer"


def test_a_wrong_total_beside_a_usual_one() -> None:
    result = judged(Bank(), read(1, 10, 0) + MOVE + read(2, 7, 0) + read(3, 7, 3))
    assert only(result).message == (
        "The read by process 2 at 6 ms found 7 in all, but that by process 1 at 2 ms found 10."
    )
    assert only(result).ops == (0, 1, 4, 5)


def test_a_given_total() -> None:
    result = judged(Bank(total=11), read(1, 10, 0))
    assert only(result).message == "The read by process 1 at 2 ms found 10 in all, but the accounts hold 11."
    assert judged(Bank(total=10), read(1, 10, 0)).verdict is Verdict.PASS


def test_negative_balances() -> None:
    text = read(1, 10, 0) + read(2, -1, 11)
    assert only(judged(Bank(), text)).message == "The read by process 2 at 4 ms found account 0 with a balance of -1."
    assert judged(Bank(negative_balances=True), text).verdict is Verdict.PASS


def test_wrong_accounts() -> None:
    result = judged(Bank(accounts=[0, 1]), read(1, 10, 0) + read(2, 10) + read(3, 10, 0, 0))
    assert [anomaly.message for anomaly in result.anomalies] == [
        "The read by process 2 at 4 ms lacks account 1.",
        "The read by process 3 at 6 ms found account 2, which should not be there.",
    ]
    assert "lacks account 7" in only(judged(Bank(accounts=["0", "1", "7"]), read(1, 10, 0))).message
    usual = judged(Bank(), read(1, 10, 0) + read(3, 10, 0) + read(2, 10))
    assert only(usual).message == "The read by process 2 at 6 ms lacks account 1, unlike the read by process 1."


def test_an_account_without_a_balance() -> None:
    assert only(judged(Bank(total=10), read(1, 10, None))).type == "missing-balance"


def test_too_little() -> None:
    assert judged(Bank(), "").verdict is Verdict.INCONCLUSIVE
    assert judged(Bank(), MOVE).why == "no read returned"
    assert judged(Bank(), read(1, 10, 0)).why == "one read alone, and the total is not given"


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError, match="list of names"):
        Bank(accounts="01")
    for text, message in [
        (done(0, "transfer", '{"from":0,"to":1}'), r"event 0: a transfer needs the value \{from, to, amount\}"),
        (done(0, "read", "", "[1,2]"), r"event 1: a read of a bank returns \{account: balance\}"),
        (done(0, "read", "", '{"0":"many"}'), "event 1: a read of a bank"),
    ]:
        with pytest.raises(HistoryError, match="^" + message):
            judged(Bank(), text)


def test_what_was_made_or_lost_is_what_the_final_reads_say() -> None:
    def bank(*ops: Did, **options: Any) -> Any:
        stats = Bank(**options).check(told(ops, final_at=50), budget=Budget()).stats
        return stats["money_made"], stats["money_lost"]

    def look(at: int, *balances: int | None, outcome: Type = Type.OK) -> Did:
        return Did(at, 5, "read", None, None, {str(name): held for name, held in enumerate(balances)}, outcome)

    early = look(0, 99, 1)
    assert bank(early, look(60, 7, 3), total=10) == (0, 0), "an audit of the load may be late"
    assert bank(early, look(60, 7, 6), look(70, 7, 1), look(80, 7, 0), total=10) == (3, 3)
    assert bank(early, look(60, 99, 99, outcome=Type.FAIL), look(70, 5, None), total=10) == (None, None)
    assert bank(early, look(60, 7, 3)) == (None, None), "nobody said how much there is"
