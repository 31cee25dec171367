"""Partitions: some nodes stop hearing some others. Who drops whom is a grudge (`harness.grudges`)."""

from __future__ import annotations

import random as _random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import grudges, options
from harness.clusters.base import Cluster, Network
from harness.errors import UsageError
from harness.faults import Evidence, Fault, Injection
from harness.toll import Toll
from nemeses import moments
from nemeses.victims import SEED_BITS, Victims, resolve

DEFAULT = tuple(name for name in grudges.NAMES if name != "random")
"""Every shape but `random`: of five nodes, two of three such cuts leave a majority to talk to to nobody or to a single
node in the middle, and a leader-based store whose newest log lies at the rim cannot elect that one (the constrained
election of Ng et al., "Omni-Paxos: Breaking the Barriers of Partial Connectivity", EuroSys 2023). Ask for it by name.
"""

MANNERS = {"drop": "partition", "reject": "reject"}
"""How messages are kept from a node, and the capability that it takes."""


class Partition:
    """`grudges`: names out of `harness.grudges.NAMES`, or explicit maps from a node to those whose messages it does
    not receive. `targets`: whom to cut off from all others, see `nemeses.victims`; `all` leaves everybody alone. Each
    cut draws one of both. Default: `DEFAULT`, unless there are targets.

    `manner`: one or both of `MANNERS`. What is dropped is lost without a word, as when a cable is pulled; what is
    rejected is answered at once with a reset, as when a host comes back without its connections, or by a firewall.

    `when`: see `nemeses.moments`."""

    family: ClassVar[str] = "partition"

    def __init__(
        self,
        *,
        interval: float | str = 10,
        grudges: Any = None,
        targets: Any = None,
        manner: Any = "drop",
        when: Any = "scheduled",
    ) -> None:
        self.interval_s = options.interval(self.family, interval)
        self.victims = None if targets is None else Victims.of(self.family, targets, ())
        self.grudges = () if targets is not None and grudges is None else _grudges(grudges)
        self._by_default = grudges is None
        self.manners = options.choices(self.family, "manner", manner, MANNERS)
        self.when = moments.part_of_draw(self.family, when)
        self.needs = frozenset(MANNERS[one] for one in self.manners)

    def draw(self, random: _random.Random) -> Mapping[str, Any]:
        """`{"grudge": name or map, "seed": n}` or `{"targets": spec, "seed": n}`, and `"manner": "reject"` where
        nothing is dropped, `"when": "election"` where it waits for one; the nodes are picked from the seed when the cut
        is made.
        """
        choice = random.randrange(len(self.grudges) + (len(self.victims.specs) if self.victims else 0))
        if self.victims and choice >= len(self.grudges):
            draw: dict[str, Any] = self.victims.draw(random)
        else:
            draw = {"grudge": self.grudges[choice], "seed": random.getrandbits(SEED_BITS)}
        manner = self.manners[random.randrange(len(self.manners))] if len(self.manners) > 1 else self.manners[0]
        return {**draw, **({} if manner == "drop" else {"manner": manner}), **self.when}

    def toll(self, nodes: Sequence[str], draw: Mapping[str, Any]) -> Toll:
        return Toll(drops=_drops(nodes, draw))

    async def setup(self, cluster: Cluster) -> None:
        """Leaves out default grudges that this cluster is too small for. Raises `UsageError` for one that was asked
        for, or that names nodes it has not got."""
        if self.victims:
            self.victims.check(cluster.nodes)
        if self._by_default:
            self.grudges = tuple(grudge for grudge in self.grudges if _fits(grudge, cluster.nodes)) or self.grudges
        for grudge in self.grudges:
            _drops(cluster.nodes, {"grudge": grudge, "seed": 0})

    async def inject(self, cluster: Cluster, fault: Fault) -> Injection:
        drops = _drops(cluster.nodes, fault.draw)
        network = _network(cluster)
        cut = network.reject if fault.draw.get("manner") == "reject" else network.cut
        nodes = await cut(fault.id, drops) if drops else {}
        return Injection({"drops": drops}, nodes)

    async def heal(self, cluster: Cluster, fault: Fault) -> Mapping[str, Evidence]:
        return await _network(cluster).mend(fault.id)

    async def teardown(self, cluster: Cluster) -> None:
        """Nothing: cuts are lifted one by one, and the cluster takes the rest down with itself."""


def _network(cluster: Cluster) -> Network:
    assert cluster.network is not None, "a run is refused before it starts on a cluster without partitions"
    return cluster.network


def _grudges(raw: Any) -> tuple[Any, ...]:
    items = list(DEFAULT) if raw is None else [raw] if isinstance(raw, str | Mapping) else raw
    if isinstance(items, list | tuple) and items and all(item in grudges.NAMES or _is_map(item) for item in items):
        return tuple(items)
    raise UsageError(
        f"partition: grudges must be one or several of {', '.join(grudges.NAMES)}, "
        f"or maps such as {{n1: [n2, n3]}} from a node to those it does not hear, not {raw!r}"
    )


def _is_map(item: Any) -> bool:
    return isinstance(item, Mapping) and bool(item) and all(isinstance(value, list | tuple) for value in item.values())


def _fits(grudge: Any, nodes: Sequence[str]) -> bool:
    try:
        _drops(nodes, {"grudge": grudge, "seed": 0})
    except UsageError:
        return False
    return True


def _drops(nodes: Sequence[str], draw: Mapping[str, Any]) -> dict[str, list[str]]:
    if "targets" in draw:
        cut_off = resolve(draw, nodes)
        return grudges.split(nodes, [[node] for node in cut_off] if draw["targets"] == "all" else [cut_off])
    grudge = draw["grudge"]
    if isinstance(grudge, str):
        return grudges.draw(grudge, nodes, _random.Random(draw["seed"]), draw.get("primaries", ()))
    named = {*grudge, *(sender for senders in grudge.values() for sender in senders)}
    if unknown := sorted(str(name) for name in named if name not in nodes):
        raise UsageError(f"partition: there is no node {unknown[0]!r} to cut off: nodes are {', '.join(nodes)}")
    if selfish := sorted(node for node, senders in grudge.items() if node in senders):
        raise UsageError(f"partition: {selfish[0]} cannot be cut off from itself")
    return {node: [name for name in nodes if name in grudge[node]] for node in nodes if grudge.get(node)}
