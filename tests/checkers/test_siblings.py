"""Writes kept side by side: which losses and returns are seen, and which absences are none."""

from __future__ import annotations

from typing import Any

import pytest

from checkers.siblings import Siblings
from harness.checker import Budget, Result
from harness.errors import HistoryError
from harness.operation import Type
from harness.verdict import Verdict
from tests.histories import FAIL, INFO, OK, Script


class Story(Script):
    """Writes and removals at one second each, then what every node reads in the end."""

    def write(self, value: int, *over: int, type: Type = OK) -> Story:
        self.op(len(self.events) + 1, f="write", value={"value": value, "over": [*over]}, type=type)
        return self

    def remove(self, *over: int, type: Type = OK) -> Story:
        self.op(len(self.events) + 1, f="remove", value={"over": [*over]}, type=type)
        return self

    def ends(self, *values: list[int]) -> Result:
        self.phase("final", 60)
        for number, found in enumerate(values, 1):
            self.op(61, f"n{number}", value={"values": found})
        return Siblings().check(self.history(), budget=Budget())


def kinds(result: Result) -> list[str]:
    return [anomaly.type for anomaly in result.anomalies]


def test_a_write_is_there_or_was_replaced_by_one_that_saw_it() -> None:
    result = Story().write(1).write(2, 1).write(3).ends([2, 3], [2, 3])
    assert (result.verdict, result.stats["acknowledged"]) == (Verdict.PASS, 3)
    assert result.stats["siblings_at_most"] == 2


def test_a_write_that_nobody_replaced_is_missed() -> None:
    result = Story().write(1).write(2).ends([2], [2])
    assert kinds(result) == ["lost-write"]
    assert result.anomalies[0].message == (
        "key x: 1 was acknowledged, nobody replaced it, and it is on no node in the end"
    )


def test_one_node_that_has_it_is_enough_since_agreement_is_judged_elsewhere() -> None:
    assert Story().write(1).ends([1], []).verdict is Verdict.PASS


def test_what_was_replaced_or_removed_must_stay_away() -> None:
    assert kinds(Story().write(1).write(2, 1).ends([1, 2], [1, 2])) == ["resurrected"]
    assert kinds(Story().write(1).remove(1).ends([1], [1])) == ["resurrected"]
    assert kinds(Story().write(1).remove(1).ends([1], [])) == []


@pytest.mark.parametrize("outcome", [INFO, FAIL])
def test_a_write_that_did_not_happen_replaces_nothing(outcome: Type) -> None:
    assert kinds(Story().write(1).write(2, 1, type=outcome).ends([1], [1])) == []
    assert kinds(Story().write(1).write(2, 1, type=outcome).ends([], [])) == ["lost-write"]


def test_a_write_of_unknown_fate_took_effect_if_it_is_there_or_was_replaced_in_turn() -> None:
    assert kinds(Story().write(1).write(2, 1, type=INFO).ends([2], [2])) == []
    assert kinds(Story().write(1).write(2, 1, type=INFO).write(3, 2).ends([3], [3])) == []
    assert kinds(Story().write(1).write(2, 1, type=INFO).write(3, 2, type=INFO).ends([], [])) == ["lost-write"]


def test_a_removal_of_unknown_fate_may_have_happened() -> None:
    assert kinds(Story().write(1).remove(1, type=INFO).ends([], [])) == []
    assert kinds(Story().write(1).remove(1, type=INFO).ends([1], [1])) == []
    assert kinds(Story().write(1).remove(1, type=FAIL).ends([], [])) == ["lost-write"]


def test_what_nobody_wrote_or_only_in_vain_is_a_phantom() -> None:
    assert kinds(Story().write(1).ends([1, 9], [1, 9])) == ["phantom"]
    assert kinds(Story().write(1).write(2, type=FAIL).ends([1, 2], [1])) == ["phantom"]


def test_nothing_is_told_without_final_reads_or_acknowledged_writes() -> None:
    assert Siblings().check(Story().write(1).history(), budget=Budget()).verdict is Verdict.INCONCLUSIVE
    assert Story().write(1).ends().verdict is Verdict.INCONCLUSIVE
    assert Story().write(1, type=INFO).ends([]).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("value", [3, {"value": 3}, {"value": [3], "over": []}, {"value": 3, "over": 4}])
def test_values_of_another_shape_are_refused(value: Any) -> None:
    with pytest.raises(HistoryError, match="siblings: "):
        Siblings().check(Script().op(1, f="write", value=value).phase("final", 2).history(), budget=Budget())
