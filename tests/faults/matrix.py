"""The matrix: each fault on each kind of cluster, as the node that suffers it sees it.

A fault is a row of a table: how it is injected and healed through a capability, a probe asked of the nodes themselves,
and what the probe must find before, while it is in force, and after. The same row is played on every cluster. What a
cluster cannot do is what its `probe` gives a reason for, and nothing else.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from stages import Stage

from harness.clusters.base import Cluster
from harness.errors import Unsupported
from harness.experiment import admit, resolve
from harness.faults import Evidence, Status
from harness.plan import Plan

Act = Callable[[Any], Awaitable[Mapping[str, Evidence]]]
Seen = Callable[[Any, Any], bool]

PATIENCE_S = 10.0
"""How long the nodes may take to be as before: connections that starved come back when their next packet is due."""

CANNOT = {
    ("sim", "reject"): "messages in the simulator have no connections",
    ("sim", "memory"): "share one memory",
    ("sim", "cpu"): "compute in no time",
}
"""What no machine changes. Every other refusal is a lack of this machine, which in CI there is none of."""


@dataclass(frozen=True)
class Fault:
    """One row. `before`, `during` and `after` judge what the probe saw, given also what it saw at first; `after` is
    `before` where the fault leaves no trace."""

    name: str
    needs: str
    probe: Callable[[Any], Awaitable[Any]]
    before: Seen
    inject: Act
    during: Seen
    heal: Act
    after: Seen | None = None

    def __str__(self) -> str:
        return self.name


def play(stage: Stage, fault: Fault) -> None:
    """One cell of the matrix."""
    reason = stage.powers[fault.needs]
    expected = CANNOT.get((stage.name, fault.needs))
    if expected is not None:
        assert reason is not None and expected in reason
    if reason is None:
        stage.play(lambda cluster: _whole(cluster, fault))
        return
    _is_refused(stage, fault, reason)
    if expected is None:
        missing = f"{stage.name} cannot do {fault.needs} here: {reason}"
        assert not os.environ.get("CI") or os.geteuid() != 0, missing
        pytest.skip(missing)


async def _whole(cluster: Cluster, fault: Fault) -> None:
    first = await _soon(cluster, fault, fault.before, None)
    _applied(await fault.inject(cluster))
    try:
        seen = await fault.probe(cluster)
        assert fault.during(seen, first), f"in force, the nodes see {seen}; before it was {first}"
    finally:
        healed = await fault.heal(cluster)
    _applied(healed)
    await _soon(cluster, fault, fault.after or fault.before, first)


async def _soon(cluster: Cluster, fault: Fault, wanted: Seen, first: Any) -> Any:
    until = cluster.now() + round(PATIENCE_S * 1e9)
    while True:
        seen = await fault.probe(cluster)
        if wanted(seen, seen if first is None else first):
            return seen
        assert cluster.now() < until, f"{'whole' if first is None else 'healed'}, the nodes see {seen}, not {first}"
        await asyncio.sleep(0.1)


def _applied(evidence: Mapping[str, Evidence]) -> None:
    for node, found in evidence.items():
        assert found.status is Status.APPLIED, f"{node}: {found}"


@dataclass(frozen=True)
class _Needing:
    """As much of a nemesis as is asked before a run starts."""

    family: str
    needs: frozenset[str]


def _is_refused(stage: Stage, fault: Fault, reason: str) -> None:
    """A plan that asks for it ends before anything starts, with the reason."""
    plan = Plan.build({"target": "raft", "cluster": stage.name, "seed": 1})
    asking: Any = [_Needing(fault.name, frozenset({fault.needs}))]
    with pytest.raises(Unsupported) as refusal:
        admit(replace(resolve(plan), nemeses=asking))
    assert reason in str(refusal.value)


async def ask(cluster: Any, node: str, what: str, timeout_s: float = 30.0, **given: Any) -> Any:
    """A node's answer; None when it is not there, or says nothing for so long."""
    try:
        async with asyncio.timeout(timeout_s):
            connection = await cluster.connect(node)
            try:
                return await connection.call({"type": what, **given})
            finally:
                await connection.close()
    except (ConnectionError, TimeoutError):
        return None
