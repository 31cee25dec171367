"""Whether a fault that was in force touched anything: a cut that dropped no packet proves nothing of a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.faults.evidence import Evidence

CUTS = frozenset({"partition"})
"""Families whose faults cut links: `resolved` holds `drops`."""

SHAPES = frozenset({"packet"})
"""Families whose faults do something to packets, and count them as `..._packets`."""

_HAPPENED = {"loss": "lost_packets", "duplicate": "duplicated_packets", "reorder": "reordered_packets"}

SCARCITIES = frozenset({"limits"})
"""Families whose faults bite once somebody wants more than there is."""

_SHORTAGE = frozenset({"throttled_ms", "limit_hits", "oom_kills"})

STOPS = frozenset({"kill", "pause", "power", "corruption", "membership"})
"""Families whose faults stop the service on the nodes they hit, or take it out of the cluster."""


def why_never_bit(family: str, resolved: Mapping[str, Any], healed: Mapping[str, Evidence]) -> str:
    """Why a fault that was in force did nothing, by what its healing counted; empty if it did, or nobody counted."""
    if family in CUTS and _dropped(healed) == 0:
        return "it never bit: nothing was dropped while it was in force"
    if family in SHAPES and _shaped(healed, resolved.get("shape") or {}) == 0:
        return "it never bit: it touched no packet while it was in force"
    if family in SCARCITIES and _counted(healed, _SHORTAGE.__contains__) == 0:
        return "it never bit: nobody wanted more than the limit while it was in force"
    if _counted(healed, "injected_syncs".__eq__) == 0:
        return "it never bit: nobody synced while it was in force"
    return ""


def _dropped(healed: Mapping[str, Evidence]) -> float | None:
    """How much a cut dropped or rejected (`dropped_packets`, `rejected_packets`, ...), over all nodes; None when nobody
    counted."""
    return _counted(healed, lambda name: name.startswith(("dropped", "rejected")))


def _counted(healed: Mapping[str, Evidence], counts: Callable[[str], bool]) -> float | None:
    values = [
        value
        for one in healed.values()
        for name, value in one.measured.items()
        if counts(name) and isinstance(value, int | float)
    ]
    return sum(values) if values else None


def _shaped(healed: Mapping[str, Evidence], shape: Mapping[str, Any]) -> float | None:
    """How many packets had happen to them what the shape says, or, where nobody tells these apart, passed at all."""
    own = {_HAPPENED[name] for name in shape if name in _HAPPENED}
    happened = _counted(healed, own.__contains__)
    return happened if happened is not None else _counted(healed, lambda name: name.endswith("_packets"))
