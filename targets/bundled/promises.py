"""How bundled stores write down what they promise."""

from __future__ import annotations

from typing import Any

from harness.claims import Claim

FAULTS = ("partition", "kill", "pause", "clock", "packet", "disk", "power")
"""Under which a store's safety is promised, unless it says less."""


def promise(id: str, expect: Any, *nemeses: str, workload: str = "register") -> Claim:
    """A claim that holds for a workload under faults of these families, and of any of them alone."""
    return Claim.of(id, expect, workload=workload, nemeses=nemeses)
