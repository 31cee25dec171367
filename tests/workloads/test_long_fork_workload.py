"""The schedule of those who look for long forks."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.long_fork import LongFork


def test_a_key_is_written_once_and_its_group_is_read_meanwhile() -> None:
    ops = load(LongFork(group=8))
    written = [op.value[0][1] for op in ops if op.value[0][0] == "w"]
    assert len(set(written)) == len(written) and 0.45 < len(written) / len(ops) < 0.55
    lag = []
    for place, op in enumerate(ops):
        keys = [key for f, key, _ in op.value if f == "r"]
        if keys:
            assert keys == list(range(keys[0], keys[0] + 8)) and keys[0] % 8 == 0
            lag.append(place - keys[0])
    assert min(lag) >= -1 and max(lag) < 15, "numbers begin with 1"


def test_nothing_is_read_in_the_end_and_options_are_checked() -> None:
    assert ending(LongFork()) == []
    with pytest.raises(UsageError, match="long-fork: group"):
        LongFork(group=1)
