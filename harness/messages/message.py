"""One message, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

BODY_CHARS_MAX = 2_000
NAME_CHARS_MAX = 200


class Fate(StrEnum):
    """What became of a message."""

    ARRIVED = "arrived"
    HELD = "held"
    """It arrived at a paused node, and waited there."""
    CUT = "cut"
    """A partition dropped it, when it was sent or under way."""
    LOST = "lost"
    """The link lost it, or had no room for it."""
    DOWN = "down"
    """Nobody listened at its destination."""
    CLOSED = "closed"
    """The connection it was sent on had broken."""
    LATE = "late"
    """The client no longer waited for this reply."""
    UNDER_WAY = "under way"
    """It had not arrived when the scene ended."""


@dataclass(slots=True)
class Message:
    """One message; `ended_ns` and `fate` change once, when it arrives or is lost."""

    source: str
    dest: str
    sent_ns: int
    type: str
    body: str
    cut: bool
    about: bool
    process: int | None = None
    ended_ns: int | None = None
    fate: Fate = Fate.UNDER_WAY
    faults: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """One line of messages.jsonl, but for its scene."""
        return {
            "source": self.source,
            "dest": self.dest,
            "sent_ns": self.sent_ns,
            "ended_ns": self.ended_ns,
            "fate": self.fate.value,
            "faults": list(self.faults),
            "type": self.type,
            "body": self.body,
            "cut": self.cut,
            "about": self.about,
            "process": self.process,
        }

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Message:
        """From such a line. Raises KeyError, TypeError or ValueError."""
        return cls(
            str(raw["source"]),
            str(raw["dest"]),
            int(raw["sent_ns"]),
            str(raw["type"]),
            str(raw["body"])[:BODY_CHARS_MAX],
            bool(raw["cut"]),
            bool(raw["about"]),
            None if raw["process"] is None else int(raw["process"]),
            None if raw["ended_ns"] is None else int(raw["ended_ns"]),
            Fate(raw["fate"]),
            tuple(str(fault) for fault in raw["faults"]),
        )
