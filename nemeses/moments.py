"""When a fault strikes: at the time that its schedule gave it, or at the next election.

The second is what finds the mistakes that only show while leadership changes hands. It comes at the time of the first
at the earliest, and without an election after two intervals (`harness.schedule`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness import options
from harness.schedule import ELECTION

MOMENTS = ("scheduled", ELECTION)


def part_of_draw(owner: str, when: Any) -> Mapping[str, str]:
    """From the option `when` of a nemesis, what it adds to each of its draws. Raises `UsageError`."""
    [moment] = options.choices(owner, "when", [when], MOMENTS)
    return {"when": ELECTION} if moment == ELECTION else {}
