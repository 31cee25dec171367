"""Which messages speak of a violation."""

from __future__ import annotations

from typing import Any

import pytest
from message_scenes import scene


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"type": "read", "key": 18}, True),
        ({"type": "read", "key": "18"}, True),
        ({"type": "records", "records": [[18, 96, 1767, "n2"]]}, True),
        ({"entries": [{"command": {"k": 18, "v": 96}}]}, True),
        ({"values": {"18": None}}, True),
        ({"keys": ["4", "18"]}, True),
        ({"type": "append_entries", "term": 18, "entries": []}, False),
        ({"records": [[18, 95, 1767, "n2"]]}, False),
        ({"records": [[17, 96, 1767, "n2"]]}, False),
        ({"key": 17, "value": 96}, False),
        ({"key": True, "value": None}, False),
    ],
)
def test_a_body_names_a_key_as_stores_do(body: Any, named: bool) -> None:
    assert scene().topic.named_in(body) is named


def test_a_body_is_searched_only_so_far() -> None:
    deep: Any = {"key": 18}
    for _ in range(100_000):
        deep = [deep]
    wide = [*range(1_000_000), {"key": 18}]
    assert not any(scene().topic.named_in(body) for body in (deep, wide, {"values": wide}))
