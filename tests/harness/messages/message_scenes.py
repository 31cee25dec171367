"""A stale read, and what listens to the messages round it."""

from __future__ import annotations

from typing import Any

from harness._core import Recorder
from harness.checker import Anomaly
from harness.history import History
from harness.messages import Scene, Tap

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
