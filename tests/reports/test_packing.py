"""Columns go into a page and come back the same."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from reports.packing import NUMBER_MAX, pack
from tests.reports.unpacking import unpack

NUMBERS = st.integers(0, NUMBER_MAX)
COLUMNS = st.integers(0, 40).flatmap(lambda n: st.lists(st.lists(NUMBERS, min_size=n, max_size=n), min_size=1))


@given(COLUMNS, st.text())
def test_what_is_packed_comes_back(columns: list[list[int]], text: str) -> None:
    head = {"ops": len(columns[0]), "columns": list(map(str, range(len(columns)))), "text": text}
    packed = pack(head, [array("I", column) for column in columns])
    assert unpack(packed) == (head, columns)


def test_equal_columns_are_packed_equally() -> None:
    head, columns = {"ops": 3}, [array("I", [1, 2, 3])]
    assert pack(head, columns) == pack(head, columns)


def test_a_plane_of_zeros_costs_nothing() -> None:
    small, large = (len(pack({}, [array("I", [7]) * ops])) for ops in (1000, 100_000))
    assert large < small + 1200
