"""When a fault strikes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from harness.errors import UsageError
from nemeses.kill import Kill
from nemeses.partition import Partition
from nemeses.pause import Pause

FAMILIES = [Kill, Partition, Pause]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_draw_says_that_it_waits_and_is_the_same_otherwise(family: Any) -> None:
    scheduled, aimed = family().draw(random.Random(1)), family(when="election").draw(random.Random(1))
    assert "when" not in scheduled
    assert aimed == {**scheduled, "when": "election"}
    assert family(when="scheduled").draw(random.Random(1)) == scheduled


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("when", ["elections", None, 3, ["election"], {"election": 1}])
def test_another_moment_is_refused_with_those_there_are(family: Any, when: Any) -> None:
    with pytest.raises(UsageError, match=f"{family.family}: when must be one or several of scheduled, election"):
        family(when=when)
