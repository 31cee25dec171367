"""messages.jsonl, written and read: the messages round each violation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from harness.checker import Anomaly
from harness.messages.message import Message
from harness.messages.tap import MESSAGES_MAX, Kept

FORMAT = 1
SCENES_MAX = 3
"""Violations whose messages are kept, those of broken claims first: one explains most."""


def lines(kept: Sequence[Kept], why: str = "") -> Iterator[str]:
    """The lines of messages.jsonl."""
    yield _line({"format": FORMAT} | ({"why": why} if why else {}))
    for number, one in enumerate(kept):
        anomaly, scene = one.scene.anomaly, one.scene
        yield _line(
            {"scene": number, "type": anomaly.type, "key": anomaly.key, "ops": list(anomaly.ops)}
            | {"start_ns": scene.start_ns, "end_ns": scene.end_ns}
            | {"left_out": one.left_out}
        )
        for message in one.messages:
            yield _line({"scene": number} | message.to_json())


def _line(value: Mapping[str, Any]) -> str:
    # Escaped to ASCII, so that a lone surrogate in a body cannot break the file.
    return json.dumps(value) + "\n"


@dataclass(frozen=True, slots=True)
class Conversation:
    """The messages round one violation, read back, and how many more there were."""

    messages: Sequence[Message]
    left_out: int = 0


_Violation = tuple[str, str | None, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a messages.jsonl holds; `why` is the reason where it holds nothing."""

    conversations: Mapping[_Violation, Conversation] = field(default_factory=dict)
    why: str = ""

    def about(self, anomaly: Anomaly) -> Conversation | None:
        """The conversation round this violation, if it was kept."""
        return self.conversations.get((anomaly.type, anomaly.key, anomaly.ops))

    @classmethod
    def read(cls, text: Iterable[str]) -> Heard:
        """From the lines of the file, as many as `lines` writes at most; unknown fields are passed over. Raises
        KeyError, TypeError or ValueError where they are no such lines."""
        objects = (json.loads(line) for line in islice(text, 1 + SCENES_MAX * (1 + MESSAGES_MAX)))
        first = next(objects)
        if not 1 <= int(first["format"]) <= FORMAT:
            return cls(why=f"messages.jsonl is of format {int(first['format'])}, and this splitbrain reads {FORMAT}")
        found: list[tuple[_Violation, list[Message], int]] = []
        for one in objects:
            if "source" in one:
                found[int(one["scene"])][1].append(Message.of(one))
            else:
                violation = str(one["type"]), one["key"], tuple(int(index) for index in one["ops"])
                found.append((violation, [], int(one["left_out"])))
        spoken = {violation: Conversation(said, left_out) for violation, said, left_out in found}
        return cls(spoken, str(first.get("why") or ""))
