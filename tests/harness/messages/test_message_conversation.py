"""In what form messages are kept."""

from __future__ import annotations

import json
from typing import Any

from message_scenes import tap

from harness.messages import BODY_CHARS_MAX, Message, lines

HOSTILE = "</script><script>alert(1)</script>\x00\u202e\ud800\n"


def test_a_hostile_body_is_bounded_and_cannot_break_the_file() -> None:
    taken = tap()
    taken.sent("n1", "n2", {"type": HOSTILE, "key": 18, "value": "x" * 1_000_000 + HOSTILE}, 1_000_000_000)
    text = "".join(lines(taken.kept()))
    assert len(text) < 3 * BODY_CHARS_MAX and text.isascii() and text.count("\n") == 3
    one = Message.of(json.loads(text.splitlines()[2]))
    assert one.type == HOSTILE and len(one.body) == BODY_CHARS_MAX and one.cut


def test_what_is_confidential_is_not_kept() -> None:
    def hide(value: Any) -> Any:
        return json.loads(json.dumps(value).replace("sesame", "${DOOR}"))

    taken = tap(hide=hide)
    taken.sent("n1", "n2", {"type": "sesame", "key": 18, "secret": ["sesame"]}, 1_000_000_000)
    text = "".join(lines(taken.kept()))
    assert "sesame" not in text and "${DOOR}" in text
