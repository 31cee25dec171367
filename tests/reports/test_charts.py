"""Scales, ticks, outlines and elements."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from reports.charts import HATCHINGS, PALETTE, Scale, band, decades, hatching, line, nice, path, steps, tag, ticks
from tests.reports.markup import parse


@given(st.floats(1e-6, 1e12))
def test_a_nice_step_is_1_2_or_5_and_hardly_larger(step: float) -> None:
    found = nice(step)
    assert step * (1 - 1e-6) <= found <= step * 2.5 * (1 + 1e-6)
    mantissa = found / 10 ** math.floor(math.log10(found) + 1e-9)
    assert min(abs(mantissa - digit) for digit in (1, 2, 5)) < 1e-6


@given(st.floats(0.001, 1e9), st.integers(2, 8))
def test_ticks_lie_on_the_axis(high: float, about: int) -> None:
    marks = ticks(high, about)
    assert marks[0] == 0 and marks[-1] <= high * (1 + 1e-6)
    assert 1 <= len(marks) <= about + 1


@given(st.floats(1, 1e9), st.floats(1, 1e3))
def test_decades_hold_both_ends(low: float, factor: float) -> None:
    marks = decades(low, low * factor)
    assert len(marks) >= 2
    assert marks[0] <= low * (1 + 1e-6) and low * factor <= marks[-1] * (1 + 1e-6)


def test_a_scale_maps_its_ends_and_clamps_beyond() -> None:
    linear, log = Scale(0, 10, 0, 100), Scale(1, 1000, 300, 0, log=True)
    assert [linear(value) for value in (-5, 0, 5, 10, 50)] == [0, 0, 50, 100, 100]
    assert [round(log(value)) for value in (0.1, 1, 10, 1000, 1e6)] == [300, 300, 200, 0, 0]
    assert linear.percent(3.333333) == "33.33%"


UNIT = Scale(0, 4, 0, 400), Scale(0, 10, 100, 0)


def test_lines_break_where_there_is_nothing() -> None:
    x, y = UNIT
    assert line([1, 2, None, 3], x, y) == "M50,90L150,80M300,70H400"
    assert line([None, None], x, y) == ""
    assert band([1, 1, None, 3], [2, 4, None, 5], x, y) == "M50,80L150,60L150,90L50,90Z"


def test_steps_go_there_and_back() -> None:
    x, y = UNIT
    assert steps([1, 2], [0, 1], x, y) == "M0,90H100L100,80H200L200,90H100L100,100H0Z"
    assert path("") == ""


def test_whatever_an_element_is_given_stays_text() -> None:
    hostile = '"><script>alert(1)</script>\x00\u202e'
    [text] = parse(tag("text", hostile, x=hostile, font_size=11, class_="a", href=None)).children
    assert text.name == "text" and text.text == '"><script>alert(1)</script>\\u0000\\u202e'
    assert text.attributes == {"x": '"><script>alert(1)</script>\\u0000\\u202e', "font-size": "11", "class": "a"}


def test_every_hatching_is_another_shape() -> None:
    drawn = {hatching("p", "blue", kind) for kind in HATCHINGS}
    assert len(drawn) == len(HATCHINGS)
    assert len(set(PALETTE.values())) == len(PALETTE)
