"""Corruption: what some nodes have on disk is no longer what they wrote.

- `flip`: single bits are the other way round, as on a medium that rots.
- `truncate`: the end of a file is gone.
- `rollback`: stretches of a file are as they were `age` ago, as on a disk that lost the writes since.

A running service reads little of what it wrote, so each fault kills the node, damages its files, and starts it again
when it is healed. A node that finds the damage and refuses to start does the right thing: the evidence says so, and the
node counts as down from then on.

Damage is never repaired, so over a whole run no more than a few nodes are ever damaged: those that the first draw of
its kind picked, as with Jepsen's `nodes-gen`. By default that is a minority, with which a store that copies its data to
all nodes can lose nothing. `targets: all` damages everybody.
"""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import options
from harness.clusters.base import Cluster, Disks
from harness.clusters.base import Corruption as Damage
from harness.errors import UsageError
from harness.faults import Evidence, Fault, Injection
from harness.toll import Toll
from nemeses import down
from nemeses.victims import Victims, resolve

KINDS = ("flip", "truncate", "rollback")


class Corruption:
    """`kinds`: which of `KINDS` to draw from. `targets`: whose disks may ever be damaged in this run, see
    `nemeses.victims`; each fault hits one of them. `files`: a glob for paths below the data directory. `probability`:
    the chance of each chunk of `chunk_bytes` to be hit. `age`: how far a rollback goes back."""

    family: ClassVar[str] = "corruption"
    needs: ClassVar[frozenset[str]] = frozenset({"corrupt", "kill"})

    def __init__(
        self,
        *,
        interval: float | str = 10,
        kinds: Any = None,
        targets: Any = "minority",
        files: str = "*",
        probability: float = 0.01,
        chunk_bytes: int = 4096,
        age: float | str = 1,
    ) -> None:
        own = self.family
        self.interval_s = options.interval(own, interval)
        self.kinds = options.choices(own, "kinds", list(KINDS) if kinds is None else kinds, KINDS)
        self.victims = Victims.of(own, targets, ("minority",))
        if len(self.victims.specs) > 1:
            raise UsageError(f"{own}: targets is one specification, for the whole run, not {targets!r}")
        if not isinstance(files, str) or not files:
            raise UsageError(f"{own}: files must be a pattern such as *.wal, not {files!r}")
        self.files = files
        self.probability = options.number(own, "probability", probability, min=0, max=1)
        self.chunk_bytes = options.integer(own, "chunk_bytes", chunk_bytes, min=1, max=1 << 30)
        self.age_s = options.duration(own, "age", age, min_s=0.001, max_s=3600)
        self._ever: tuple[str, ...] = ()

    def draw(self, random: _random.Random) -> Mapping[str, Any]:
        """`{"kind": ..., "targets": spec, "seed": n}`."""
        return {"kind": self.kinds[random.randrange(len(self.kinds))]} | self.victims.draw(random)

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        return Toll.holding([self._victim(draw, nodes)])

    async def setup(self, cluster: Cluster) -> None:
        """Raises `UsageError` for a node that is not there."""
        self.victims.check(cluster.nodes)

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        self._ever = self._ever or tuple(resolve(fault.draw, cluster.nodes))
        seed = fault.draw["seed"]
        node = self._victim(fault.draw, cluster.nodes)
        kind = fault.draw["kind"]
        kept: Mapping[str, Evidence] = {}
        if kind == "rollback":
            kept = await self._damage(cluster, node, "snapshot", seed)
            await asyncio.sleep(self.age_s)
        down.want(cluster, fault.id, [node])
        killed = await down.processes(cluster).kill([node])
        down.settle(cluster, fault.id, killed)
        damaged = await self._damage(cluster, node, "restore" if kind == "rollback" else kind, seed)
        one = damaged[node]
        measured = {**one.measured, "killed": dict(killed[node].measured)} if one.measured else {}
        why = one.why or next((each.why for each in kept.values()), "")
        resolved = {"nodes": [node], "kind": kind, "ever": list(self._ever)}
        return Injection(resolved, {node: Evidence(one.status, measured, why)})

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        return await down.release(cluster, fault.id)

    async def teardown(self, cluster: Cluster) -> None:
        """Starts whatever is still down and can start."""
        await down.release_all(cluster, self.family)

    def _victim(self, draw: Mapping[str, Any], nodes: Sequence[str]) -> str:
        """One of those that may ever be damaged, which the first fault decides."""
        ever, seed = self._ever or resolve(draw, nodes), int(draw["seed"])
        return ever[seed % len(ever)]

    async def _damage(self, cluster: Cluster, node: str, kind: str, seed: int) -> Mapping[str, Evidence]:
        damage = Damage(kind, self.files, self.probability, self.chunk_bytes, seed)
        return await _disks(cluster).corrupt([node], damage)


def _disks(cluster: Cluster) -> Disks:
    assert cluster.disks is not None, "a run is refused before it starts on a cluster without such faults"
    return cluster.disks
