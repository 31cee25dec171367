"""The schedule of those who ask for identifiers."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.unique_ids import UniqueIds


def test_everybody_asks_and_nothing_is_left_to_ask_in_the_end() -> None:
    ops = load(UniqueIds(rate=100))
    assert {(op.f, op.key, op.value) for op in ops} == {("generate", None, None)}
    assert 18 < ops[-1].time / 1e9 < 22
    assert ending(UniqueIds()) == []


def test_options_are_checked() -> None:
    with pytest.raises(UsageError, match="unique-ids: rate"):
        UniqueIds(rate=0)
