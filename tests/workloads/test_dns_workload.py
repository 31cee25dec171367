"""The name service's schedule: who updates what."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.dns import Dns


def test_a_name_is_updated_by_its_owner_alone_and_resolved_by_all() -> None:
    ops = load(Dns(names=12, concurrency=5, mix={"read": 1, "write": 1}), 4_000)
    by: dict[str, dict[Any, set[int]]] = {"read": defaultdict(set), "write": defaultdict(set)}
    for op in ops:
        by[op.f][op.key].add((op.process or 0) % 5)
    assert by["write"] == {name: {name % 5} for name in range(12)}
    assert by["read"] == {name: {0, 1, 2, 3, 4} for name in range(12)}


def test_few_update_and_no_record_comes_twice() -> None:
    ops = load(Dns(concurrency=5))
    records = [op.value for op in ops if op.f == "write"]
    assert len(set(records)) == len(records) and 0.03 < len(records) / len(ops) < 0.07


def test_every_worker_owns_names_and_resolves_all_in_the_end() -> None:
    assert Dns(concurrency=7).names == 14
    assert Counter((op.process, op.f, op.key) for op in ending(Dns(names=4, concurrency=4))) == {
        (process, "read", key): 1 for process in range(4) for key in range(4)
    }


@pytest.mark.parametrize("options", [{"names": 9}, {"rate": 0}, {"mix": {"resolve": 1}}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="dns: "):
        Dns(concurrency=10, **options)
