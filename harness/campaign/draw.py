"""The plan of a seed: a workload, faults, their pace and the cluster's size, drawn out of a target's menu.

Half the runs have the faults of one of the target's own trials of the workload, the others a mix of one to four
families that one promise speaks for. Load and options come from a trial, which knows what brings something about, but
only where every promise that will be judged speaks for that trial too: a load that overruns queues on purpose belongs
under faults for which no availability is promised. Pace, nodes, clients and rate are drawn anew each time.

Equal menus and seeds give equal plans, on every machine; a seed is one run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from harness.campaign.menu import Menu
from harness.plan import Part, Plan
from harness.streams import Streams
from harness.target import Trial
from harness.units import duration_s

FAMILIES_MAX = 4
"""More faults at once leave little to judge: hardly anything is ever answered."""

INTERVALS_MS = (500, 1000, 2000, 3000, 5000, 8000)
"""Mean times between two events of a nemesis. A load has room for a few of each, see `_interval`."""

NODES = (3, 5)
CLIENTS = (5, 10, 15)
RATES = (50, 100, 200)

TIME_S = 30.0
"""How long a load lasts of a target that says nothing, and on real nodes, whose faults take their time."""

ROOM = 4
"""Events of every family that a load should have room for."""

STAYS = 3
"""Nodes that stay where nodes come and go: `membership` needs a larger cluster (`nemeses.membership`)."""


def draw(menu: Menu, seed: int) -> Plan:
    """The plan. Pure; whatever the menu offers, the plan can be run."""
    random = Streams(seed).stream("campaign")
    workload = random.choice(sorted(menu.regimes))
    own = [trial for trial in menu.trials if trial.workload == workload]
    families = _families(own, random.choice(menu.regimes[workload]), random)
    judged = [promised for promised in menu.promised[workload] if promised.issuperset(families)]
    fitting = [trial for trial in own if all(promised.issuperset(trial.nemeses) for promised in judged)]
    base = random.choice(fitting) if fitting else _patient(menu.trials, workload)
    fields = dict(base.fields)
    time_s = menu.bounds.time_s or _time_s(menu.bounds.cluster, fields)
    usual = {part.name: part.options for part in map(Part.of, fields.pop("nemeses", ()))}
    load = Part.of(fields.pop("workload", workload))
    options = menu.target.options | {name: v for name, v in base.options.items() if name not in menu.target.options}
    drawn = {
        "target": Part(name=menu.target.name, options=options),
        "cluster": menu.bounds.cluster,
        "workload": Part(name=workload, options={**load.options, "rate": _rate(load.options, random)}),
        "nemeses": [
            Part(name=family, options={**usual.get(family, {}), "interval": _interval(time_s, random)})
            for family in families
        ],
        "nodes": menu.bounds.nodes or _nodes(fields.get("nodes"), families, random),
        "concurrency": random.choice(CLIENTS),
        "time": time_s,
        "seed": seed,
    }
    return Plan.build({**fields, **drawn})


def _families(own: Sequence[Trial], regime: Sequence[str], random: Random) -> list[str]:
    if own and random.randrange(2):
        usual = random.choice(own).nemeses
        if fitting := [family for family in usual if family in regime]:
            return fitting
    return random.sample(regime, random.randint(1, min(FAMILIES_MAX, len(regime)))) if regime else []


def _patient(trials: Sequence[Trial], workload: str) -> Trial:
    """Only how long the target's trials last and wait."""
    patience = trials[0].fields if trials else {}
    return Trial(workload, (), {name: patience[name] for name in ("time", "settle", "timeout") if name in patience})


def _time_s(cluster: str, fields: Mapping[str, Any]) -> float:
    return duration_s(fields["time"]) if cluster == "sim" and "time" in fields else TIME_S


def _interval(time_s: float, random: Random) -> str:
    fitting = [ms for ms in INTERVALS_MS if ms * ROOM <= time_s * 1000] or [max(50, round(time_s * 1000 / ROOM))]
    return f"{random.choice(fitting)}ms"


def _nodes(usual: int | None, families: Sequence[str], random: Random) -> int:
    possible = sorted({*NODES, usual or NODES[-1]})
    return random.choice([nodes for nodes in possible if nodes > STAYS or "membership" not in families])


def _rate(options: Mapping[str, Any], random: Random) -> Any:
    """At most the trial's own: no target promises to bear more than it is tried with."""
    usual = options.get("rate")
    return random.choice(RATES if usual is None else (usual / 2, usual))
