"""The catalog's schedule."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harness.errors import UsageError
from tests.workloads.schedules import ending, load
from workloads.catalog import Catalog


def test_many_browse_few_update_and_no_revision_comes_twice() -> None:
    ops = load(Catalog())
    revisions = [op.value for op in ops if op.f == "write"]
    assert len(set(revisions)) == len(revisions) and 0.07 < len(revisions) / len(ops) < 0.13


def test_a_quarter_of_the_products_gets_half_of_the_operations() -> None:
    ops = load(Catalog(products=20))
    assert {op.key for op in ops} == set(range(20))
    assert 0.45 < sum(int(op.key or 0) < 5 for op in ops) / len(ops) < 0.55


def test_in_the_end_every_worker_reads_every_product() -> None:
    assert Counter((op.process, op.f, op.key) for op in ending(Catalog(products=3))) == {
        (process, "read", key): 1 for process in range(4) for key in range(3)
    }


@pytest.mark.parametrize("options", [{"products": 0}, {"rate": 0}, {"mix": {"browse": 1}}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="catalog: "):
        Catalog(**options)
