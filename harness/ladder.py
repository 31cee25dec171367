"""The models of consistency that a store's history is held to, strongest first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rung:
    """A model: what it is called, the checkers that must all not refute it, and whether, besides, no write may be lost
    by any checker that counts them."""

    name: str
    checkers: tuple[str, ...]
    keeps_writes: bool = False


LADDER = (
    Rung("strict serializable", ("strict-serializable",)),
    Rung("linearizable", ("linearizable",)),
    Rung("serializable", ("serializable",)),
    Rung("snapshot isolation", ("snapshot-isolation",)),
    Rung("parallel snapshot isolation", ("parallel-snapshot-isolation",)),
    Rung("repeatable read", ("repeatable-read",)),
    Rung("read atomic", ("read-atomic",)),
    Rung("read committed", ("read-committed",)),
    Rung("read uncommitted", ("read-uncommitted",)),
    Rung("sequential", ("sequential",)),
    Rung("causal", ("causal",)),
    Rung("PRAM", ("pram",)),
    Rung("strong eventual", ("converges",), keeps_writes=True),
    Rung("eventual", ("converges",)),
)
"""Strongest model first, as far as they can be compared. Strong eventual is what a history can show of it: in the end
all nodes agree, and on a state that lacks no acknowledged write."""
