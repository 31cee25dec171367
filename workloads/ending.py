"""How a run ends: when everything is healed and has settled, every worker reads everything."""

from __future__ import annotations

from collections.abc import Iterable

from harness.generators import Generator, delay, each_thread, limit, repeat, until_ok
from harness.operation import Operation

FINAL_TRIES = 20
FINAL_PAUSE_S = 0.25


def final_reads(reads: Iterable[Operation]) -> Generator:
    """Every worker does each read until it has an answer, or has tried `FINAL_TRIES` times."""
    return each_thread([tried(read) for read in reads])


def tried(operation: Operation) -> Generator:
    """An operation until it has an answer, or was tried `FINAL_TRIES` times."""
    return until_ok(limit(FINAL_TRIES, delay(FINAL_PAUSE_S, repeat(operation))))
