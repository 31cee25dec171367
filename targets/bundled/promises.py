"""How bundled stores write down what they promise, and what they are tried with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.claims import Claim
from harness.target import Trial

FAULTS = ("partition", "kill", "pause", "clock", "packet", "disk", "power")
"""Under which a store's safety is promised, unless it says less."""

SPAN = {"time": "12s", "settle": "2s"}
"""How long a trial lasts: enough for a handful of faults that come every other second."""

Options = Mapping[str, Any]


def promise(id: str, expect: Any, *nemeses: str, workload: str = "register") -> Claim:
    """A claim that holds for a workload under faults of these families, and of any of them alone."""
    return Claim.of(id, expect, workload=workload, nemeses=nemeses)


def trial(
    workload: str,
    nemeses: Mapping[str, Options],
    load: Options | None = None,
    store: Options | None = None,
    **fields: Any,
) -> Trial:
    """What a store is tried with: a workload with the options `load`, families of faults with their options, the
    store's own options, and any other fields of a plan."""
    plan = {"nemeses": [{"name": name, **options} for name, options in nemeses.items()], **SPAN, **fields}
    return Trial(workload, tuple(nemeses), {"workload": {"name": workload, **(load or {})}, **plan}, store or {})
