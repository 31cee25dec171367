"""Where the messages round a violation are looked for."""

from __future__ import annotations

from message_scenes import STALE, scene

from harness.checker import Anomaly
from harness.messages import MARGIN_NS, Scene, Topic


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
