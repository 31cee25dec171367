"""What is printed for people stays readable, whatever a target answers."""

from __future__ import annotations

from harness.cli import show


def test_text_from_outside_is_cut_in_its_middle_and_says_so() -> None:
    told = show.plain("Process 1 read " + "x" * 2_000_000 + " although nobody wrote it")
    assert len(told) < 2 * show.SHOWN_MAX
    assert told.startswith("Process 1 read xxx") and told.endswith("xxx although nobody wrote it")
    assert "1,998,540 characters left out" in told


def test_text_from_outside_is_neither_markup_nor_command() -> None:
    assert show.plain("[red]\x1b[31m\u202e") == r"\[red]\x1b[31m\x202e"
    assert show.plain("short") == "short"
