"""Reads the block of a page back, from its description alone: the counterpart of the script's reader."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from dataclasses import dataclass
from itertools import accumulate
from typing import Any


def unpack(text: str) -> tuple[dict[str, Any], list[list[int]]]:
    """The head and the columns of `reports.packing.pack`; `head["ops"]` is their length."""
    data = gzip.decompress(b64decode(text, validate=True))
    length = int.from_bytes(data[:4], "little")
    head = json.loads(data[4 : 4 + length])
    ops, rest = head["ops"], data[4 + length :]
    assert len(rest) == 4 * ops * len(head["columns"])
    columns = []
    for at in range(0, len(rest), 4 * ops) if ops else ():
        planes = [rest[at + plane * ops : at + (plane + 1) * ops] for plane in range(4)]
        columns.append([int.from_bytes(row, "little") for row in zip(*planes, strict=True)])
    return head, columns or [[] for _ in head["columns"]]


@dataclass(frozen=True)
class Row:
    """One operation of a block. Times are ns, rounded down to the unit; `ended` is None of one never answered."""

    event: int
    start: int
    ended: int | None
    f: str
    outcome: str
    process: int
    node: str | None
    key: str | None
    asked: str | None = None
    answered: str | None = None


def rows(text: str) -> tuple[dict[str, Any], list[Row]]:
    """The operations of `reports.operations.operations`."""
    head, columns = unpack(text)
    column = dict(zip(head["columns"], columns, strict=True))
    starts, events = list(accumulate(column["start"])), list(accumulate(column["event"]))
    values, unit = head["values"], head["unit"]
    said = {row: (values["asked"][i], values["answered"][i]) for i, row in enumerate(values["rows"])}
    found = []
    for row in range(head["ops"]):
        f, outcome = divmod(column["kind"][row], len(head["outcomes"]))
        process, node = head["workers"][column["worker"][row]]
        name = head["outcomes"][outcome]
        ended = None if name == "open" else (starts[row] + column["lasted"][row]) * unit
        texts = [None if place < 0 else values["texts"][place] for place in said.get(row, (-1, -1))]
        found.append(
            Row(
                events[row],
                starts[row] * unit,
                ended,
                head["fs"][f],
                name,
                process,
                head["nodes"][node - 1] if node else None,
                head["keys"][column["key"][row] - 1] if column["key"][row] else None,
                *texts,
            )
        )
    return head, found
