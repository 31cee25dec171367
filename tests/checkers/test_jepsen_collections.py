"""Histories of collections in the form Jepsen writes them: keywords, sets, maps with numbers as keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkers.adya import AdyaG2
from checkers.bank import Bank
from checkers.causal_reverse import CausalReverse
from checkers.counter_bounds import CounterBounds
from checkers.log import Log
from checkers.long_fork import LongFork
from checkers.set_final import SetFinal
from checkers.set_full import SetFull
from checkers.total_queue import TotalQueue
from checkers.unique_ids import UniqueIds
from harness.checker import Budget, Checker
from harness.history import History
from harness.verdict import Verdict

PASS, FAIL = Verdict.PASS, Verdict.FAIL


def lines(*events: str) -> str:
    split = (event.split(maxsplit=3) for event in events)
    return "\n".join(f"{{:process {who}, :type :{type}, :f :{f}, :value {value}}}" for who, type, f, value in split)


BANK = ["0 invoke transfer {:from 0, :to 1, :amount 3}", "0 ok transfer {:from 0, :to 1, :amount 3}"]
ROWS = ["[1 nil]", "[nil 2]"]
ASSIGN = ["1 invoke assign [3]", "1 ok assign [3]"]
KAFKA = [
    "0 invoke send [[:send 3 7]]",
    "0 ok send [[:send 3 [0 7]]]",
    "0 invoke txn [[:poll] [:send 3 8]]",
    "0 ok txn [[:poll {3 [[0 7]]}] [:send 3 [1 8]]]",
]


@pytest.mark.parametrize(
    ("checker", "events", "verdict"),
    [
        (SetFinal(), ["0 invoke add 1", "0 ok add 1", "0 invoke read nil", "0 ok read #{1 }"], PASS),
        (SetFinal(), ["0 invoke add 1", "0 ok add 1", "0 invoke read nil", "0 ok read #{}"], FAIL),
        (SetFull(), ["0 invoke add 1", "0 ok add 1", "0 invoke read nil", "0 ok read [1 1]"], FAIL),
        (TotalQueue(), ["0 invoke enqueue 1", "0 ok enqueue 1", "1 invoke drain nil", "1 ok drain [1]"], PASS),
        (TotalQueue(), ["0 invoke enqueue 1", "0 ok enqueue 1", "1 invoke drain nil", "1 ok drain []"], FAIL),
        (UniqueIds(), [f"0 {type} generate {v}" for v in "ab" for type in ("invoke", "ok")], PASS),
        (CounterBounds(), ["0 invoke add 1", "0 ok add 1", "0 invoke read nil", "0 ok read 0"], FAIL),
        (Bank(total=10), [*BANK, "1 invoke read nil", "1 ok read {0 7, 1 3}"], PASS),
        (Bank(total=10), [*BANK, "1 invoke read nil", "1 ok read {0 7, 1 0}"], FAIL),
        (
            LongFork(),
            [
                *[f"{k} {t} write [[:w {k} 1]]" for k in (0, 1) for t in ("invoke", "ok")],
                *["2 invoke read [[:r 0 nil] [:r 1 nil]]", "2 ok read [[:r 0 1] [:r 1 nil]]"],
                *["3 invoke read [[:r 0 nil] [:r 1 nil]]", "3 ok read [[:r 0 nil] [:r 1 1]]"],
            ],
            FAIL,
        ),
        (
            CausalReverse(),
            [
                *[f"{v} {type} write {v}" for v in (1, 2) for type in ("invoke", "ok")],
                *["3 invoke read nil", "3 ok read (2)"],
            ],
            FAIL,
        ),
        (AdyaG2(), [f"{p} {t} insert [5 {ROWS[p]}]" for p in (0, 1) for t in ("invoke", "ok")], FAIL),
        (Log(), [*KAFKA, *ASSIGN, "1 invoke poll [[:poll]]", "1 ok poll [[:poll {3 [[0 7] [1 8]]}]]"], PASS),
        (Log(), [*KAFKA, "1 invoke poll [[:poll]]", "1 ok poll [[:poll {3 [[1 8] [0 7]]}]]"], FAIL),
    ],
)
def test_verdicts(tmp_path: Path, checker: Checker, events: list[str], verdict: Verdict) -> None:
    file = tmp_path / "history.edn"
    file.write_text(lines(*events), encoding="utf-8")
    result = checker.check(History.read(file), budget=Budget())
    assert result.verdict is verdict, result.why
