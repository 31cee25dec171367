"""Records in groups with a checksum each, by which two servers find out where they differ without telling all they
have.

The checksum of a group is that of its records, joined by exclusive or, so a change costs one step and the order makes
no difference. For that the checksum of a record must be no CRC: those are linear, so that equal changes of two records
would cancel each other out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from random import Random
from typing import Any

Record = list[Any]
"""What servers tell each other of one thing they hold; never changed in place."""

GROUPS = 64

RECORDS_MAX = 1_000
"""Records in one message, unless a single group has more."""


class Groups:
    """Records by name, the latest of each."""

    def __init__(self) -> None:
        self.sums = [0] * GROUPS
        self._groups: list[dict[str, tuple[int, Record]]] = [{} for _ in range(GROUPS)]

    def put(self, name: str, record: Record) -> None:
        """Holds a record, in place of the one of that name."""
        group = _hash(name) % GROUPS
        self._forget(group, name)
        checksum = _hash(json.dumps(record))
        self.sums[group] ^= checksum
        self._groups[group][name] = checksum, record

    def drop(self, name: str) -> None:
        """Holds nothing of that name any more."""
        self._forget(_hash(name) % GROUPS, name)

    def records(self) -> Iterator[Record]:
        """All of them."""
        return self.of(range(GROUPS))

    def of(self, groups: Sequence[int]) -> Iterator[Record]:
        """The records of these groups."""
        return (record for group in groups for _, record in self._groups[group].values())

    def differing(self, sums: Sequence[int], random: Random) -> list[int]:
        """Groups whose checksum is another one than there, as many as fit in a message. Which of them is left to
        chance, so that all have their turn."""
        different = [group for group in range(GROUPS) if self.sums[group] != sums[group]]
        random.shuffle(different)
        size = 0
        for count, group in enumerate(different):
            size += len(self._groups[group])
            if count and size > RECORDS_MAX:
                return different[:count]
        return different

    def _forget(self, group: int, name: str) -> None:
        checksum, _ = self._groups[group].pop(name, (0, None))
        self.sums[group] ^= checksum


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big")
