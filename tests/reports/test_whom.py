"""Whom a fault hit, in words."""

from __future__ import annotations

from typing import Any

import pytest

from reports.whom import whom
from tests.reports.synthetic import fault


@pytest.mark.parametrize(
    ("resolved", "expected"),
    [
        ({"nodes": ["n2", "n1"]}, "n1, n2"),
        ({"nodes": []}, "n9"),
        ({}, "n9"),
        ({"drops": {"n3": ["n1", "n2"], "n1": ["n3"], "n2": ["n3"]}}, "n3 | n1, n2"),
        ({"drops": {"n1": ["n2", "n3"], "n2": ["n1", "n3"], "n3": ["n1", "n2"]}}, "n1 | n2 | n3"),
        ({"drops": {"n1": ["n3"], "n2": ["n3"], "n3": []}}, "n1, n2 hear nothing from n3"),
        (
            {"drops": {"n1": ["n3"], "n2": ["n4"], "n3": ["n1"], "n4": ["n2"]}},
            "n1 hears nothing from n3; n2 hears nothing from n4; n3 hears nothing from n1; n4 hears nothing from n2",
        ),
        ({"drops": {"n1": "nonsense"}}, "n1"),
        (
            {"nodes": [f"m{number:02}" for number in range(15)]},
            f"{', '.join(f'm{n:02}' for n in range(12))} and 3 more",
        ),
    ],
)
def test_sides_are_told_where_there_are_any(resolved: dict[str, Any], expected: str) -> None:
    assert whom(fault(1, "partition", 0, 1, ["n9"], resolved=resolved)) == expected
