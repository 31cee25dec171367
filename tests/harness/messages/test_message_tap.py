"""Which messages are kept, and how many."""

from __future__ import annotations

from message_scenes import MS, scene, tap

from harness.messages import MESSAGES_MAX, OTHERS_MAX, Fate


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
