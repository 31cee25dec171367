"""The columns of the matrix."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stages import STAGES, Stage

COLUMNS = [pytest.param(name, marks=[getattr(pytest.mark, name)] if name != "sim" else []) for name in STAGES]


@pytest.fixture(scope="module", params=COLUMNS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """One cluster of each kind, for all faults of a family."""
    made = STAGES[request.param]()
    try:
        yield made
    finally:
        made.close()
