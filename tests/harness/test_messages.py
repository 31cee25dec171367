"""What is kept of the messages round a violation: which, how many, and in what form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness._core import Recorder
from harness.checker import Anomaly
from harness.history import History
from harness.messages import (
    BODY_CHARS_MAX,
    MARGIN_NS,
    MESSAGES_MAX,
    OTHERS_MAX,
    Fate,
    Message,
    Scene,
    Tap,
    Topic,
    lines,
)

MS = 1_000_000


def _stale() -> History:
    recorder = Recorder(None)
    write = recorder.invoke(1_000 * MS, 0, "write", 18, 96)
    recorder.complete(write, 1_010 * MS, 1, 96)
    read = recorder.invoke(1_100 * MS, 1, "read", 18)
    recorder.complete(read, 1_102 * MS, 1, 86)
    recorder.invoke(1_103 * MS, 2, "write", 4, 97)
    return History(recorder.history())


STALE = _stale()


def scene(*ops: int, key: str | None = "18") -> Scene:
    found = Scene.of(STALE, Anomaly("stale-read", "", ops or (0, 3), key))
    assert found is not None
    return found


def tap(*scenes: Scene, **options: Any) -> Tap:
    made = Tap(scenes or [scene()], caller=lambda: None, **options)
    made.epoch_ns = 0
    return made


def test_a_scene_reaches_from_the_first_to_the_last_operation_and_knows_what_it_is_about() -> None:
    found = scene()
    assert (found.start_ns, found.end_ns) == (1_000_000_000 - MARGIN_NS, 1_102_000_000 + MARGIN_NS)
    assert found.topic == Topic(frozenset({"18"}), frozenset({"96", "86"}))
    assert found.distance_ns(1_010_000_500) == 500
    assert found.distance_ns(1_000_000_000 - 7) == 7


def test_without_a_key_a_scene_is_about_the_keys_of_its_operations() -> None:
    assert scene(0, 4, key=None).topic.keys == {"18", "4"}


def test_there_is_no_scene_without_operations() -> None:
    assert Scene.of(STALE, Anomaly("x", "", (), None)) is None
    assert Scene.of(STALE, Anomaly("x", "", (99,), None)) is None


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


def test_the_nearest_messages_are_kept_those_about_the_key_first_and_the_rest_is_counted() -> None:
    taken = tap()
    for number in range(3_000):
        taken.sent("n1", "n2", {"type": "beat", "n": number}, 960_000_000 + number * 60_000)
        taken.sent("n1", "n2", {"type": "put", "key": 18, "n": number}, 960_000_000 + number * 60_000)
    [kept] = taken.kept()
    assert len(kept.messages) == MESSAGES_MAX and all(one.about for one in kept.messages)
    assert kept.left_out == 6_000 - MESSAGES_MAX
    farthest = max(kept.scene.distance_ns(one.sent_ns) for one in kept.messages)
    assert farthest < 3 * MS
    assert [one.sent_ns for one in kept.messages] == sorted(one.sent_ns for one in kept.messages)


def test_others_fill_only_some_of_the_room() -> None:
    taken = tap()
    for number in range(1_000):
        taken.sent("n1", "n2", {"type": "beat"}, 1_000_000_000 + number)
    taken.sent("n1", "n2", {"key": 18}, 1_100_000_000)
    [kept] = taken.kept()
    assert [one.about for one in kept.messages] == [False] * OTHERS_MAX + [True]
    assert kept.left_out == 1_000 - OTHERS_MAX


def test_nothing_outside_the_scene_or_before_the_run_is_noted() -> None:
    taken = tap()
    assert taken.sent("n1", "n2", {"key": 18}, 900_000_000) is None
    assert taken.sent("n1", "n2", {"key": 18}, 1_200_000_000) is None
    taken.epoch_ns = None
    assert taken.sent("n1", "n2", {"key": 18}, 1_000_000_000) is None


def test_a_message_of_two_scenes_is_about_the_key_of_one_of_them() -> None:
    taken = tap(scene(), scene(2, 4, key="4"))
    taken.sent("c1", "n2", {"key": 4}, 1_103_000_000)
    first, second = taken.kept()
    assert [one.about for one in first.messages + second.messages] == [False, True]


def test_a_reply_is_about_what_its_request_is_about() -> None:
    taken = tap()
    taken.sent("n1", "c1", {"type": "read_ok", "value": 5}, 1_100_000_000, 1, {"type": "read", "key": 18})
    assert taken.kept()[0].messages[0].about


def test_times_are_those_of_the_run() -> None:
    taken = tap()
    taken.epoch_ns = 7_000
    note = taken.sent("n1", "n2", {"key": 18}, 1_000_007_000)
    assert note is not None
    taken.ended(note, 1_000_009_000, Fate.CUT, ["partition-1"])
    [one] = taken.kept()[0].messages
    assert (one.sent_ns, one.ended_ns, one.fate, one.faults) == (
        1_000_000_000,
        1_000_002_000,
        Fate.CUT,
        ("partition-1",),
    )


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
