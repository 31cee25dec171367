"""Services that end though no fault ended them: found, told in the history, and started again where the plan says so.

Whoever watches looks at every service a few times a second and asks the account of faults (`harness.toll`) about those
that are down: what a fault holds down is that fault's business, what nobody holds has crashed by itself. A look counts
only if no fault came or went while it was taken. A restart holds the node's lock in that account, so a fault that is
about to take the node down waits for its end, and looks once more, under the lock, whether one already has.

In the history these are operations of a nemesis thread of their own:

    crash, invoked     {"node": "n2", "in_force": ["limits-1"]}
    crash, completed   {"node": ..., "in_force": ..., "nodes": {"n2": EVIDENCE}}
    restart, invoked   {"node": "n2"}
    restart, completed {"node": "n2", "nodes": {"n2": EVIDENCE}}, or with an error when it did not come up

A service that does not come up is tried again, later each time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.clusters.base import Cluster
from harness.errors import HarnessError
from harness.faults import Evidence, Status, nemesis_ops
from harness.generators import nemesis as on_nemesis
from harness.generators.context import Context
from harness.generators.protocol import Answer, Generator, Pending, node
from harness.operation import Operation, Type
from harness.toll import InForce

if TYPE_CHECKING:
    from harness.history import History

WATCHDOG = "watchdog"
"""Its nemesis thread."""

CRASH, RESTART = "crash", "restart"

LOOK_S = 0.25
"""How often it looks. Also how often the generator that speaks for it is asked."""

PAUSE_S, PAUSE_S_MAX = 0.5, 30.0
"""Between two restarts of a service that does not come up: the first pause, which doubles, and the longest."""

_log = logging.getLogger("splitbrain")


@dataclass(slots=True)
class _Down:
    """A node that went down by itself."""

    told: bool = False
    restarts: int = 0
    due_ns: int = 0


class Watchdog:
    """Watches one cluster. `now` is the history's time; with `restart` it starts again what crashed."""

    def __init__(self, cluster: Cluster, in_force: InForce, now: Callable[[], int], *, restart: bool) -> None:
        self._cluster = cluster
        self._in_force = in_force
        self._now = now
        self._restart = restart
        self._down: dict[str, _Down] = {}
        self._over = False

    async def watch(self) -> None:
        """Looks until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except (HarnessError, OSError) as problem:
                _log.warning("cannot see which services live: %s", problem)

    async def look(self) -> None:
        """Looks once at every service."""
        if self._cluster.processes is None:
            return
        changes = self._in_force.changes
        alive = await self._cluster.processes.alive()
        if changes != self._in_force.changes:
            return  # the picture is of two moments
        for name, lives in alive.items():
            if lives:
                self._down.pop(name, None)
                self._in_force.crashed(name, False)
            elif name not in self._down and not self._in_force.held(name):
                self._down[name] = _Down()
                self._in_force.crashed(name, True)

    def end(self) -> None:
        """The run is over: nothing more is told or started."""
        self._over = True

    def operations(self) -> Generator:
        """What it has to tell and to do, as operations of its thread, until `end`."""
        return on_nemesis(WATCHDOG, Watching(self))

    def next(self, now_ns: int) -> Operation | None:
        """The next operation that is due; asking changes nothing. Raises `StopIteration` after `end`."""
        if self._over:
            raise StopIteration
        for name, one in self._down.items():
            if not one.told:
                return Operation(CRASH, value={"node": name, "in_force": list(self._in_force.faults)})
            if self._restart and one.due_ns <= now_ns and not self._in_force.held(name):
                return Operation(RESTART, value={"node": name})
        return None

    async def perform(self, op: Operation) -> dict[str, Any]:
        """Carries out one of these operations; returns the value of its completion. Raises what a start raised."""
        name = op.value["node"]
        down = self._down.get(name)
        if op.f == CRASH:
            if down is not None:
                down.told = True
            evidence = Evidence(Status.APPLIED, {"alive": False})
        else:
            evidence = await self._start(name, down)
        return {**op.value, "nodes": {name: evidence.to_json()}}

    async def _start(self, name: str, down: _Down | None) -> Evidence:
        assert self._cluster.processes is not None, "only a service that was seen to be down is started"
        if down is not None:
            pause_s = min(PAUSE_S_MAX, PAUSE_S * (1 << min(down.restarts, 10)))
            down.restarts, down.due_ns = down.restarts + 1, self._now() + round(pause_s * 1e9)
        async with self._in_force.restarting(name):
            if self._in_force.held(name):
                return Evidence(Status.SKIPPED, why="a fault holds this node down now")
            evidence = (await self._cluster.processes.start([name]))[name]
            self._down.pop(name, None)
            self._in_force.crashed(name, False)
        return evidence


@node
class Watching(Generator):
    """State of `Watchdog.operations`: none of its own."""

    watchdog: Watchdog

    def op(self, ctx: Context) -> Answer:
        try:
            op = self.watchdog.next(ctx.time)
        except StopIteration:
            return None, None
        return (Pending(ctx.time + round(LOOK_S * 1e9)) if op is None else op), self


@dataclass(frozen=True, slots=True)
class Crash:
    """A service that crashed by itself, as the history tells it: when that was found, and when it was up again, ns;
    None if nobody started it."""

    node: str
    found_ns: int
    up_ns: int | None

    def to_json(self) -> dict[str, Any]:
        """For the statistics of a run, in seconds."""
        up = None if self.up_ns is None else round(self.up_ns / 1e9, 3)
        return {"node": self.node, "found_s": round(self.found_ns / 1e9, 3), "up_s": up}

    def __str__(self) -> str:
        then = "stayed down" if self.up_ns is None else f"was up again at {self.up_ns / 1e9:.1f} s"
        return f"{self.node} crashed by itself at {self.found_ns / 1e9:.1f} s and {then}"


def crashes(history: History) -> list[Crash]:
    """Every crash that a watchdog found, in order."""
    found: list[Crash] = []
    for op in nemesis_ops(history):
        value = op.value if isinstance(op.value, Mapping) else {}
        name = value.get("node")
        if not isinstance(name, str):
            continue
        if op.f == CRASH and op.type is Type.INVOKE:
            found.append(Crash(name, op.time, None))
        elif op.f == RESTART and op.type is not Type.INVOKE and op.error is None and _applied(value, name):
            last = max((place for place, crash in enumerate(found) if crash.node == name), default=None)
            if last is not None:
                found[last] = Crash(name, found[last].found_ns, op.time)
    return found


def _applied(value: Mapping[str, Any], name: str) -> bool:
    nodes = value.get("nodes")
    evidence = nodes.get(name) if isinstance(nodes, Mapping) else None
    return isinstance(evidence, Mapping) and evidence.get("status") == Status.APPLIED
