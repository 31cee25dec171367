"""Long forks."""

from __future__ import annotations

import pytest

from checkers.long_fork import LongFork
from harness.errors import HistoryError
from harness.verdict import Verdict
from tests.checkers.lines import done, judged, only

WRITES = done(0, "write", '[["w",1,10]]') + done(1, "write", '[["w",2,20]]')


def read(process: int, one: str, two: str) -> str:
    return done(process, "read", '[["r",1,null],["r",2,null]]', f'[["r",1,{one}],["r",2,{two}]]')


def test_one_order() -> None:
    text = WRITES + read(2, "10", "null") + read(3, "10", "20") + read(4, "null", "null")
    result = judged(LongFork(), text)
    assert (result.verdict, result.stats["reads_before_all_writes"], result.stats["reads_after_all_writes"]) == (
        Verdict.PASS,
        1,
        1,
    )
    assert result.why == "3 reads agree on the order of writes; 1 saw some and not others"


def test_two_orders() -> None:
    result = judged(LongFork(), WRITES + read(2, "10", "null") + read(3, "null", "20") + read(4, "null", "20"))
    assert only(result).message == (
        "Process 2 saw the write of key 1 at 6 ms but not that of key 2, and process 3 saw that of 2 at 8 ms but not "
        "that of 1: no order of the two suits both."
    )
    assert only(result).ops == (4, 5, 6, 7)


def test_transactions_that_read_what_they_wrote() -> None:
    text = done(0, "txn", '[["w",1,10],["r",1,null],["r",2,null]]', '[["w",1,10],["r",1,10],["r",2,null]]')
    result = judged(LongFork(), text + done(1, "txn", '[["w",2,20]]') + read(3, "null", "20"))
    assert result.verdict is Verdict.PASS, "its own write says nothing about orders"


def test_values_from_nowhere() -> None:
    failed = '0 invoke write [["w",1,10]]\n0 fail write [["w",1,10]]\n'
    result = judged(LongFork(), failed + read(2, "10", "20"))
    assert [anomaly.type for anomaly in result.anomalies] == ["aborted-read", "thin-air"]


def test_too_little() -> None:
    assert judged(LongFork(), "").verdict is Verdict.INCONCLUSIVE
    single = judged(LongFork(), WRITES + done(2, "read", '[["r",1,null]]', '[["r",1,10]]'))
    assert (single.verdict, single.why) == (Verdict.INCONCLUSIVE, "no read of several keys returned")


def test_other_histories_are_refused() -> None:
    for text, message in [
        (WRITES + done(3, "write", '[["w",1,11]]'), "event 4: key 1 is written a second time"),
        (done(3, "read", '[["x",1,11]]'), "event 0: a transaction is a list of"),
        (done(3, "read", '[["r",1,null]]', "7"), "event 1: a transaction is a list of"),
        (done(3, "add", "7"), "event 0: long-fork knows txn, read and write"),
    ]:
        with pytest.raises(HistoryError, match="^" + message):
            judged(LongFork(), text)
