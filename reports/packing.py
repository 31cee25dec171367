"""Columns of numbers as text that a page can hold: small, quick to make, and quick to read back in a browser.

A million operations as JSON are 130 MB. As columns they are a few megabytes, because numbers that resemble each other
stand together. Each column is cut into four planes (all lowest bytes, all second bytes, ...), so that the bytes which
are nearly always zero lie in one place and gzip takes them for nothing. Slices of arrays do that in C.

The layout, little-endian: the length of the head in four bytes, the head as JSON, then the columns, each four planes of
as many bytes as it has numbers. All that gzipped, and that in base64: an alphabet in which nothing closes a script.
"""

from __future__ import annotations

import gzip
import json
import sys
from array import array
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LEVEL = 6
"""Of gzip; 9 takes four times as long and saves half a per cent."""

NUMBER_MAX = 2**32 - 1


def pack(head: Mapping[str, Any], columns: Sequence[array[int]]) -> str:
    """The text. `columns` are arrays of `I`, all of one length."""
    text = json.dumps(head, separators=(",", ":")).encode()
    parts = [len(text).to_bytes(4, "little"), text, *(plane for column in columns for plane in _planes(column))]
    return b64encode(gzip.compress(b"".join(parts), LEVEL, mtime=0)).decode()


def _planes(column: array[int]) -> Iterable[bytes]:
    assert column.itemsize == 4, "a column is of unsigned 32-bit numbers"
    data = column.tobytes()
    starts = range(4) if sys.byteorder == "little" else range(3, -1, -1)
    return (data[start::4] for start in starts)
