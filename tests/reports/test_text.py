"""Values made harmless, and numbers with their units."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.text import clean, count, duration, error_kind, flatten, percent, rounded, share, show


@given(st.text(st.characters(), max_size=200))
def test_what_is_shown_neither_hides_nor_steers_nor_breaks(text: str) -> None:
    shown = show(text)
    shown.encode("utf-8")
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cs"}
    assert not {unicodedata.bidirectional(char) for char in shown} & {
        "LRE",
        "RLE",
        "LRO",
        "RLO",
        "PDF",
        "LRI",
        "RLI",
        "FSI",
        "PDI",
    }
    assert "\n" not in shown and "\u200b" not in shown


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=200))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert show(text) == clean(text) == text


def test_harmful_characters_are_told_by_their_number() -> None:
    assert clean("a\u202eb\x00c\ud800d\ufeff") == "a\\u202eb\\u0000c\\ud800d\\ufeff"
    assert clean("two\nlines\tand a tab") == "two\nlines\tand a tab"
    assert show("two\nlines") == "two\\nlines"


def test_a_megabyte_is_cut_with_a_note() -> None:
    shown = show("x" * 1_000_000, 100)
    assert shown == "x" * 100 + " … (the first 100 of 1,000,000 characters)"
    assert len(show({"deep": ["y" * 1_000_000]})) < 400


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", categories=["L", "N"])),
        st.lists,
        max_leaves=5,
    )
)
def test_values_are_shown_as_json(value: Any) -> None:
    shown = show(value, 10_000)
    assert shown == value if isinstance(value, str) else json.loads(shown) == value


@pytest.mark.parametrize(
    ("length_ns", "expected"),
    [
        (None, "–"),
        (0, "0 ns"),
        (870, "870 ns"),
        (870_000, "870 µs"),
        (999_600, "1.00 ms"),
        (12_340_000, "12.3 ms"),
        (4_050_000_000, "4.05 s"),
        (61e9, "61.0 s"),
        (3600e9, "3,600 s"),
    ],
)
def test_durations_have_three_digits(length_ns: float | None, expected: str) -> None:
    assert duration(length_ns) == expected


def test_round_durations_have_no_more_digits_than_they_need() -> None:
    assert [rounded(length) for length in (1e3, 1e7, 5e8, 1e9, 2.5e9)] == ["1 µs", "10 ms", "500 ms", "1 s", "2.5 s"]


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_share_claims_all_or_nothing_only_when_it_is(part: int, whole: int) -> None:
    part = min(part, whole)
    text = share(part, whole)
    assert (text == "100 %") == (part == whole)
    assert (text == "0 %") == (part == 0)


def test_shares_and_counts() -> None:
    assert [percent(ratio) for ratio in (None, 0, 0.5, 0.9971, 1, 1 - 1e-9, 1e-9)] == [
        "–", "0 %", "50.0 %", "99.71 %", "100 %", "> 99.99 %", "< 0.01 %",
    ]  # fmt: skip
    assert share(1, 0) == "–"
    assert count(1, "fault") == "1 fault"
    assert count(12034, "query", "queries") == "12,034 queries"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (None, "no error given"),
        ("timeout", "timeout"),
        ("refused by 198.18.0.3:8001", "refused by #.#.#.#:#"),
        (["connect", "198.18.0.3"], "connect"),
        ({"code": 11, "text": "n1 is busy"}, "code 11: n# is busy"),
        ({"code": 11}, "code 11"),
        ({"error": "ConnectionRefusedError", "text": "n2 refuses"}, "ConnectionRefusedError: n# refuses"),
        ({"code": 22, "text": "not 4", "current": 5}, "compare-and-set refused (another value was there)"),
        ({"type": "conflict", "id": 7}, "conflict"),
        ({"current": 5}, "compare-and-set refused (another value was there)"),
        ({"a": 1, "b": 2}, "a, b"),
        ([], "[]"),
        (7, "7"),
    ],
)
def test_errors_are_grouped_by_what_they_say(error: Any, kind: str) -> None:
    assert error_kind(error) == kind


def test_statistics_are_flattened_in_their_order() -> None:
    nested = {"ops": 12034, "by_f": {"read": {"ok": 3}, "write": {}}, "share": 0.99712, "note": None}
    assert flatten(nested) == [
        ("ops", "12,034"), ("by_f.read.ok", "3"), ("by_f.write", "{}"), ("share", "0.9971"), ("note", "null"),
    ]  # fmt: skip
    assert flatten({}) == []
    assert len(flatten({str(index): index for index in range(1000)})) == 400
