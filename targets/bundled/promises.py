"""How bundled stores write down what they promise, and what they are tried with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
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


STRICT: Mapping[str, Sequence[str]] = {
    "register": ("linearizable",),
    "read-write": ("linearizable",),
    "lock": ("linearizable",),
    "catalog": ("linearizable",),
    "dns": ("linearizable",),
    "counter": ("linearizable",),
    "queue": ("linearizable",),
    "set": ("set-full",),
    "broadcast": ("set-full",),
    "append": ("strict-serializable",),
    "txn": ("strict-serializable",),
    "long-fork": ("long-fork",),
    "log": ("log",),
    "unique-ids": ("unique-ids",),
    "bank": ("bank",),
    "checkout": ("no_oversell", "no_lost_order"),
    "chat": ("no_lost_message", "causal_order"),
    "timeline": ("no_lost_post", "own_posts_seen", "posts_in_order"),
    "orders": ("exactly_once",),
    "cart": ("cart",),
    "shop": ("linearizable", "no_oversell", "no_lost_order"),
}
"""What a store that keeps everything in one order can promise of each workload."""


def strict(store: str, workloads: Sequence[str], faults: Sequence[str] = FAULTS) -> tuple[Claim, ...]:
    """The promises of a store that keeps everything in one order, whatever happens."""
    return tuple(
        promise(f"{store}-{workload}-{expectation.replace('_', '-')}", expectation, *faults, workload=workload)
        for workload in workloads
        for expectation in STRICT[workload]
    )


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


def in_turn(*trials: Trial) -> tuple[Trial, ...]:
    """These trials, one a seed."""
    return tuple(replace(each, turn=turn, turns=len(trials)) for turn, each in enumerate(trials))
