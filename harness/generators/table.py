"""A fixed-length persistent array: one changed element costs two short tuples, however long the array is.

`each_thread` changes the state of one thread per operation. Copying a tuple of 1,024 states takes 5 us, as long as all
the rest of an operation; two tuples of 32 take 0.3 us. (A dict shared by old and new states would be faster still, but
then a generator could not be asked twice.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

_BITS = 5
_WIDTH = 1 << _BITS
_LOW = _WIDTH - 1


class Table(Generic[T]):
    """An immutable array."""

    __slots__ = ("_rows",)

    def __init__(self, rows: tuple[tuple[T, ...], ...]) -> None:
        self._rows = rows

    @classmethod
    def of(cls, elements: Iterable[T]) -> Table[T]:
        """The array of these elements."""
        everything = tuple(elements)
        return cls(tuple(everything[i : i + _WIDTH] for i in range(0, len(everything), _WIDTH)))

    def __getitem__(self, place: int) -> T:
        return self._rows[place >> _BITS][place & _LOW]

    def put(self, place: int, element: T) -> Table[T]:
        """The array with another element at `place`."""
        rows, high, low = self._rows, place >> _BITS, place & _LOW
        row = rows[high]
        row = (*row[:low], element, *row[low + 1 :])
        return Table((*rows[:high], row, *rows[high + 1 :]))
