"""What the steps of a transaction that make sets of lists come to."""

from __future__ import annotations

from typing import Any

import pytest

from targets.toys.values import transact


@pytest.mark.parametrize(
    ("held", "step", "result", "after"),
    [
        (None, ["put", "x", 1], 1, [1]),
        ([1], ["put", "x", 2], 2, [1, 2]),
        ([1, 2], ["put", "x", 1], 1, [1, 2]),
        ([1, 2], ["drop", "x", 1], True, [2]),
        ([2], ["drop", "x", 1], False, [2]),
        (None, ["drop", "x", 1], False, []),
    ],
)
def test_an_element_is_there_once_or_not(held: Any, step: list[Any], result: Any, after: list[Any]) -> None:
    assert transact(lambda key: held, [step]) == ([result], {"x": after})
