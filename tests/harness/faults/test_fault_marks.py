"""What the harness leaves in a history."""

from __future__ import annotations

from harness.faults import load_end_ns, phases
from tests.histories import Script, ns


def test_phases_are_the_first_marks_of_their_name() -> None:
    script = Script().phase("load", 0).op(1).phase("heal", 5).phase("heal", 6).phase("final", 7)
    marks = phases(script.history())
    assert {name: mark.time for name, mark in marks.items()} == {"load": 0, "heal": ns(5), "final": ns(7)}
    assert load_end_ns(script.history()) == ns(5)
    assert load_end_ns(Script().history()) == 0
