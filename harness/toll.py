"""What faults take from a cluster: the nodes that may stop serving and the links that may stop carrying.

Told before a fault is injected, so that a plan can demand that a quorum survives, and that a watchdog knows whom to
leave alone. A toll is the worst case: a fault that turns out milder has taken less than it was charged for. Faults that
only hamper (clocks, packets, processor time) take nothing.

`InForce` is the one account of all nemeses of a run. A fault is entered before its injection begins and struck once its
healing is known to have worked, as in `harness.regimes`, whose notion of sides decides here too: a quorum survives
while more than half of all nodes are on the majority side. Counting components instead would forbid rings and bridges,
on which no two nodes need see the same majority and every one of them sees one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.regimes import Side, sides


@dataclass(frozen=True, slots=True)
class Toll:
    """`down`: nodes whose service may end or stand still. `drops`: who may not hear whom, as in a grudge. `held`: those
    of `down` that the fault means to keep down, so that nobody else may start them."""

    down: frozenset[str] = frozenset()
    drops: Mapping[str, Sequence[str]] = field(default_factory=dict)
    held: frozenset[str] = frozenset()

    @classmethod
    def holding(cls, nodes: Iterable[str]) -> Toll:
        """The toll of a fault that takes these nodes down and keeps them there."""
        return cls(down=frozenset(nodes), held=frozenset(nodes))

    @property
    def nodes(self) -> frozenset[str]:
        """Everybody it is taken from: the nodes that go down, and those that do not hear others."""
        return self.down | frozenset(self.drops)


class InForce:
    """The tolls of all faults that are, or may be, in force on these nodes.

    With `keep_quorum`, `enter` refuses a fault after which no quorum would be left.
    """

    def __init__(self, nodes: Sequence[str], *, keep_quorum: bool = False) -> None:
        self.nodes = tuple(nodes)
        self.keep_quorum = keep_quorum
        self.changes = 0
        """Grows whenever a fault comes or goes: who looked at the cluster meanwhile may have seen either."""
        self._tolls: dict[str, Toll] = {}
        self._struck: dict[str, tuple[Toll, int]] = {}
        self._crashed: set[str] = set()
        self._restarting: dict[str, asyncio.Lock] = {node: asyncio.Lock() for node in self.nodes}

    async def enter(self, fault: str, toll: Toll, since: int | None = None) -> str | None:
        """Charges a fault, once nobody restarts a node that it is going to hold. Returns None, or why it must not be
        injected; it is then not charged.

        `since` is what `changes` was when the fault was asked for: for the history it began then, so it is weighed
        together with all that has been in force since."""
        since = self.changes if since is None else since
        for node in self.nodes:
            if node in toll.held:
                async with self._restarting[node]:
                    pass
        # From here to the end nothing waits, so two faults that come at once are weighed one after the other.
        if self.keep_quorum and (reason := self._refusal(toll, since)):
            return reason
        self._tolls[fault] = toll
        self.changes += 1
        return None

    def leave(self, fault: str) -> None:
        """Strikes a fault that is healed for sure. Unknown ones are fine."""
        toll = self._tolls.pop(fault, None)
        if toll is not None:
            self.changes += 1
            self._struck[fault] = toll, self.changes

    @property
    def faults(self) -> tuple[str, ...]:
        """The ids of what is, or may be, in force, oldest first."""
        return tuple(self._tolls)

    def held(self, node: str) -> bool:
        """Whether a fault means to keep this node down."""
        return any(node in toll.held for toll in self._tolls.values())

    def crashed(self, node: str, is_down: bool) -> None:
        """A node went down by itself, or came back: it counts as down like one that a fault took."""
        (self._crashed.add if is_down else self._crashed.discard)(node)

    def restarting(self, node: str) -> asyncio.Lock:
        """Held while somebody other than a fault's healing starts this node: faults that would hold it wait."""
        return self._restarting[node]

    def _refusal(self, toll: Toll, since: int) -> str | None:
        late = {fault: struck for fault, (struck, when) in self._struck.items() if when > since}
        beside = {fault: one for fault, one in {**late, **self._tolls}.items() if one.nodes}
        tolls = [*beside.values(), toll]
        down = self._crashed.union(*(one.down for one in tolls))
        cut = {(node, sender) for one in tolls for node, senders in one.drops.items() for sender in senders}
        seen = sides(self.nodes, down, cut)
        left = [node for node, side in seen.items() if side is Side.MAJORITY]
        if 2 * len(left) > len(self.nodes):
            return None
        others = ", ".join([*beside, *(f"the crash of {node}" for node in sorted(self._crashed))])
        with_them = f", beside {others}" if others else ""
        return f"no quorum would be left{with_them}: {len(left)} of {len(self.nodes)} nodes would still see a majority"
