"""Durations and sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.units import duration_s, format_duration, rate_kbit, size_bytes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60.0), ("500ms", 0.5), ("2m", 120.0), ("1.5 h", 5400.0), (3, 3.0), ("7", 7.0), (0, 0.0)],
)
def test_durations_are_read(text: object, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "fast", "-1s", -1, "5 parsecs", None, True, float("inf"), float("nan"), [1]])
def test_other_things_are_not_durations(text: object) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        duration_s(text)


@pytest.mark.parametrize(("text", "size"), [("4GB", 4 << 30), ("512mb", 512 << 20), ("1KiB", 1024), (17, 17), ("9", 9)])
def test_sizes_are_read(text: object, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "big", -1, "1XB", None, False, 1.5])
def test_other_things_are_not_sizes(text: object) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        size_bytes(text)


@pytest.mark.parametrize(
    ("text", "kbit"), [("500kbit", 500), ("1mbit", 1000), ("2.5 Gbit", 2_500_000), ("800bit", 0.8)]
)
def test_rates_are_read(text: object, kbit: float) -> None:
    assert rate_kbit(text) == kbit


@pytest.mark.parametrize("text", ["", "fast", 1000, "1000", "-1kbit", "1mbps", None, True])
def test_other_things_are_not_rates(text: object) -> None:
    with pytest.raises(UsageError, match="is not a rate"):
        rate_kbit(text)


@given(st.floats(min_value=0, max_value=1e9, allow_subnormal=False).filter(lambda x: x == 0 or x > 1e-4))
def test_a_formatted_duration_reads_back_as_itself(seconds: float) -> None:
    assert duration_s(format_duration(seconds)) == seconds
