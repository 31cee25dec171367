"""Chats: messages to conversations, and reads of them, by people who answer what they have read.

For each message it can be told whether it was lost or doubled, and whether it was ever shown without what its sender
had seen (`checkers.chat`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from workloads.feed import Feeds


class Chat(Feeds):
    """The workload: `send` of a message's id to a conversation, `read` of the list of its messages in order. Options
    as for all feeds."""

    name: ClassVar[str] = "chat"
    add: ClassVar[str] = "send"
    model: ClassVar[str] = "causal_order"
    asks_for: ClassVar[Mapping[str, str]] = {"send": "messages", "read": "reads"}
    expectations: ClassVar[Sequence[str]] = (
        "no_lost_message",
        "causal_order",
        "availability",
        "recovers",
        "converges",
        "catches_up",
    )
