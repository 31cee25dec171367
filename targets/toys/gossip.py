"""Anti-entropy in its simplest form: every server, again and again, tells one other a part of what it holds.

State is pushed as it is, some keys at a time in turn, and whoever gets it merges it; the order makes no difference, and
what is lost comes again (Demers et al., "Epidemic Algorithms for Replicated Database Maintenance", PODC 1987). Nobody
compares checksums first, as `epidemic` does, so the traffic grows with the data and not with the differences: right
for thousands of keys, wrong for millions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.node import Node
from targets.toys.journal import Journal

KEYS_MAX = 100
"""Keys in one message."""


class Gossip:
    """Pushes what `items` gives, a list of JSON values in a stable order, as `{"type": "gossip", "items": [...]}`.
    `pause_ms` is the mean time between two messages. What was heard since the last one goes to disk, so that it does
    not pile up in the memory of a server that nobody makes sync its journal."""

    def __init__(self, node: Node, items: Callable[[], Sequence[Any]], pause_ms: float, journal: Journal) -> None:
        self._node = node
        self._journal = journal
        self._items = items
        self._pause_s = pause_ms / 1000
        self._place = 0

    def start(self) -> None:
        self._node.after(self._pause_s * (0.5 + self._node.random.random()), self._push)

    def _push(self) -> None:
        if not self._journal.clean:
            self._node.spawn(self._journal.sync())
        items = self._items()
        if items and self._node.peers:
            self._place = self._place if self._place < len(items) else 0
            part = items[self._place : self._place + KEYS_MAX]
            self._place += KEYS_MAX
            self._node.send(self._node.random.choice(self._node.peers), {"type": "gossip", "items": part})
        self.start()
