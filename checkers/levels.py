"""The lattice of isolation levels: which anomalies break which, and which fall with which.

Two graphs. `WEAKER`: a history that satisfies a level satisfies those it maps to. `ANOMALIES_IMPLIED`: a history that
shows an anomaly also shows those it maps to. `FORBIDDEN` says what each level forbids beyond what weaker ones do. So an
anomaly breaks every level that forbids it or something it implies, and every level stronger than those.

Sources: Adya, "Weak Consistency" (1999); Bailis et al., "Highly Available Transactions" (2013); Cerone, Bernardi and
Gotsman, "A Framework for Transactional Consistency Models with Atomic Visibility" (2015); Cerone and Gotsman,
"Analysing Snapshot Isolation" (2016), for the cycles without adjacent anti-dependencies; Daudjee and Salem, "Lazy
Database Replication with Ordering Guarantees" (2004), for strong and strong session forms. A read of a value that
nobody wrote is forbidden at every level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WEAKER: Mapping[str, tuple[str, ...]] = {
    "strong-serializable": (
        "serializable",
        "linearizable",
        "snapshot-isolation",
        "strong-snapshot-isolation",
        "strong-session-serializable",
    ),
    "strong-session-serializable": ("serializable", "strong-session-snapshot-isolation"),
    "serializable": ("repeatable-read", "snapshot-isolation", "update-serializable"),
    "strong-snapshot-isolation": ("strong-session-snapshot-isolation", "strong-read-committed"),
    "strong-session-snapshot-isolation": ("snapshot-isolation", "strong-session-read-committed"),
    "snapshot-isolation": (
        "forward-consistent-view",
        "monotonic-atomic-view",
        "monotonic-snapshot-read",
        "parallel-snapshot-isolation",
        "prefix",
    ),
    "update-serializable": ("forward-consistent-view",),
    "repeatable-read": ("cursor-stability", "monotonic-atomic-view"),
    "forward-consistent-view": ("consistent-view",),
    "consistent-view": ("cursor-stability", "monotonic-view"),
    "parallel-snapshot-isolation": ("causal-cerone", "update-atomic"),
    "prefix": ("causal-cerone",),
    "causal-cerone": ("read-atomic",),
    "update-atomic": ("read-atomic",),
    "read-atomic": ("monotonic-atomic-view",),
    "monotonic-atomic-view": ("read-committed",),
    "monotonic-view": ("read-committed",),
    "monotonic-snapshot-read": ("read-committed",),
    "cursor-stability": ("read-committed",),
    "strong-read-committed": ("strong-session-read-committed", "strong-read-uncommitted"),
    "strong-session-read-committed": ("read-committed", "strong-session-read-uncommitted"),
    "strong-read-uncommitted": ("strong-session-read-uncommitted",),
    "strong-session-read-uncommitted": ("read-uncommitted",),
    "read-committed": ("read-uncommitted",),
    "read-uncommitted": (),
    "linearizable": (),
}
"""Each level with those right below it. `linearizable` is a promise about single objects and is not judged here."""

ALIASES: Mapping[str, str] = {
    "strict-serializable": "strong-serializable",
    "conflict-serializable": "serializable",
    "causal": "causal-cerone",
    "strong-SI": "strong-snapshot-isolation",
    "strong-session-SI": "strong-session-snapshot-isolation",
    "SI": "snapshot-isolation",
    "PSI": "parallel-snapshot-isolation",
    "session-serializable": "strong-session-serializable",
    "strong-PL-1": "strong-read-uncommitted",
    "strong-PL-2": "strong-read-committed",
    "strong-session-PL-1": "strong-session-read-uncommitted",
    "strong-session-PL-2": "strong-session-read-committed",
    "PL-1": "read-uncommitted",
    "PL-2": "read-committed",
    "PL-2+": "consistent-view",
    "PL-2.99": "repeatable-read",
    "PL-2L": "monotonic-view",
    "PL-3": "serializable",
    "PL-3U": "update-serializable",
    "PL-CS": "cursor-stability",
    "PL-FCV": "forward-consistent-view",
    "PL-MSR": "monotonic-snapshot-read",
    "PL-SI": "snapshot-isolation",
    "PL-SS": "strong-serializable",
}

FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    "read-uncommitted": ("G0", "duplicate-elements", "cyclic-versions", "thin-air"),
    "read-committed": ("G1", "non-monotonic-read", "happens-before-cycle"),
    "read-atomic": ("internal", "G1a", "future-read", "fractured-read"),
    "update-atomic": ("lost-update",),
    "causal-cerone": ("internal", "G1a", "causality-violation"),
    "prefix": ("internal", "G1a"),
    "parallel-snapshot-isolation": ("internal", "G1a"),
    "cursor-stability": ("G1", "lost-update"),
    "monotonic-view": ("G1",),
    "monotonic-snapshot-read": ("G1",),
    "consistent-view": ("G1", "G-single"),
    "forward-consistent-view": ("G1",),
    "update-serializable": ("G1",),
    "repeatable-read": ("G1", "G2-item", "lost-update"),
    "snapshot-isolation": ("internal", "G1", "G-nonadjacent"),
    "serializable": ("internal", "G1", "G2"),
    "strong-session-read-uncommitted": ("G0-process",),
    "strong-session-read-committed": ("G1c-process",),
    "strong-session-snapshot-isolation": ("internal", "G1-process", "G-nonadjacent-process"),
    "strong-session-serializable": ("G1-process", "G2-process"),
    "strong-read-uncommitted": ("G0-realtime",),
    "strong-read-committed": ("G1c-realtime",),
    "strong-snapshot-isolation": ("internal", "G1-realtime", "G-nonadjacent-realtime"),
    "strong-serializable": ("G1", "G1c-realtime", "G2-realtime"),
}

UNSEEN: Mapping[str, str] = {
    "prefix": "reads that saw two writes in opposite orders",
    "parallel-snapshot-isolation": "anomalies beyond those of causal consistency and lost updates",
    "monotonic-view": "reads that lose sight of what the transaction saw before",
    "monotonic-snapshot-read": "reads of one transaction from different snapshots",
    "forward-consistent-view": "anti-dependencies on transactions that began after a commit",
    "update-serializable": "cycles of transactions that write, with any number of anti-dependencies",
}
"""What each of these levels forbids by its own definition and nothing here looks for.

Such a level is refuted by what it has in common with others, and falls with those below it. A `fail` at it is certain,
but that it is not refuted is an incomplete answer.
"""

_CYCLES: Mapping[str, tuple[str, ...]] = {
    "G0": ("G1c",),
    "G1c": ("G1",),
    "G1": (),
    "G-single-item": ("G-single", "G-nonadjacent-item"),
    "G-single": ("G-nonadjacent",),
    "G-nonadjacent-item": ("G-nonadjacent", "G2-item"),
    "G-nonadjacent": ("G2",),
    "G2-item": ("G2",),
    "G2": (),
}


def _implied() -> dict[str, tuple[str, ...]]:
    variants = ("", "-process", "-realtime")
    implied = {
        name + variant: tuple(other + variant for other in others) + ((name + stronger,) if stronger else ())
        for name, others in _CYCLES.items()
        for variant, stronger in zip(variants, (*variants[1:], ""), strict=True)
    }
    return implied | {
        "G1a": ("G1",),
        "G1b": ("G1",),
        "future-read": ("G1c",),
        "incompatible-order": ("G1a",),
        "dirty-update": ("G1a",),
        "lost-update": ("G2-item",),
    }


ANOMALIES_IMPLIED: Mapping[str, tuple[str, ...]] = _implied()
"""Each anomaly with those it is a special case of."""

LEVELS = tuple(sorted({*WEAKER, *ALIASES} - {"linearizable"}))
"""Every name of a level that may be asked for."""


def canonical(level: str) -> str:
    """The lattice's name of a level. Raises KeyError for what is none."""
    level = ALIASES.get(level, level)
    if level not in WEAKER or level == "linearizable":
        raise KeyError(level)
    return level


def implied(anomalies: Iterable[str]) -> frozenset[str]:
    """These anomalies and all that they imply."""
    return _closure(anomalies, ANOMALIES_IMPLIED)


def forbidden(level: str) -> frozenset[str]:
    """Every anomaly that breaks a level."""
    levels = _closure([canonical(level)], WEAKER)
    named = {anomaly for other in levels for anomaly in FORBIDDEN.get(other, ())}
    everything = {*ANOMALIES_IMPLIED, *(anomaly for anomalies in FORBIDDEN.values() for anomaly in anomalies)}
    return frozenset(anomaly for anomaly in everything if implied([anomaly]) & named)


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a history stands. All are sorted names of levels.

    `broken`: the weakest levels that it breaks. `fallen`: the stronger ones that fall with them. `strongest`: the
    strongest ones that nothing found refutes.
    """

    broken: tuple[str, ...]
    fallen: tuple[str, ...]
    strongest: tuple[str, ...]


def boundary(anomalies: Iterable[str]) -> Boundary:
    """The levels that these anomalies leave and take."""
    shown = implied(anomalies)
    directly = {level for level, names in FORBIDDEN.items() if shown.intersection(names)}
    impossible = _closure(directly, _stronger()) - {"linearizable"}
    possible = set(WEAKER) - impossible - {"linearizable"}
    weakest = {level for level in impossible if not impossible & (_closure([level], WEAKER) - {level})}
    strongest = {level for level in possible if not possible & (_closure([level], _stronger()) - {level})}
    return Boundary(tuple(sorted(weakest)), tuple(sorted(impossible - weakest)), tuple(sorted(strongest)))


def _stronger() -> dict[str, tuple[str, ...]]:
    return {level: tuple(other for other, weaker in WEAKER.items() if level in weaker) for level in WEAKER}


def _closure(names: Iterable[str], graph: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(graph.get(name, ()))
    return frozenset(reached)
