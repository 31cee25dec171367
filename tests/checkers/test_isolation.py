"""Isolation levels as expectations: the same answers as the checkers they stand for."""

from __future__ import annotations

import pytest

from checkers import isolation
from checkers.levels import canonical
from checkers.list_append import ListAppend
from checkers.rw_register import RwRegister
from harness import plugins
from harness.errors import UsageError
from harness.experiment import checker_factory
from harness.verdict import Verdict
from tests.checkers.test_list_append import BUDGET, SKEWED
from tests.checkers.transactions import recorded


@pytest.mark.parametrize("name", isolation.NAMED)
def test_each_named_level_is_an_entry_point_and_is_what_it_is_called(name: str) -> None:
    assert name in plugins.names("checkers")
    made = checker_factory(name)()
    assert isinstance(made, ListAppend)
    assert made.level == canonical(name)
    asked = ListAppend(level=name).check(recorded(SKEWED), budget=BUDGET).verdict
    assert made.check(recorded(SKEWED), budget=BUDGET).verdict is asked


def test_a_skew_breaks_serializable_and_not_read_committed() -> None:
    broken = isolation.serializable().check(recorded(SKEWED), budget=BUDGET)
    assert broken.verdict is Verdict.FAIL
    assert isolation.read_committed().check(recorded(SKEWED), budget=BUDGET).verdict is Verdict.PASS


def test_the_model_is_one_of_two() -> None:
    assert isinstance(isolation.serializable(model="rw-register"), RwRegister)
    with pytest.raises(UsageError, match="serializable: model is list-append or rw-register, not 'bank'"):
        isolation.serializable(model="bank")
