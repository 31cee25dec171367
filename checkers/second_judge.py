"""What is said when the two judges of a violation disagree: that this is a defect, and nobody is to guess whose."""

from __future__ import annotations

from collections.abc import Sequence


def defect(kinds: Sequence[str]) -> str:
    """A sentence about anomalies of these kinds, one for each, that a second judge did not see."""
    number = "1 anomaly was" if len(kinds) == 1 else f"{len(kinds):,} anomalies were"
    told = "a second judge did not see in their own operations: a defect of splitbrain, please report it"
    return f"{number} found ({', '.join(sorted(set(kinds)))}) that {told}"
