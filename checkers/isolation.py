"""Isolation levels under their own names, so that a claim reads `serializable` and not how that is judged.

The workload says which model its transactions are of (`list-append` or `rw-register`), as it does for `linearizable`;
everything else about levels is in `checkers.levels`. Only the levels that stores promise have a name here; the others
are written `{list-append: {level: ...}}`. `causal` is not among them: as an expectation it speaks of registers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from checkers.list_append import ListAppend
from checkers.rw_register import RwRegister
from harness.errors import UsageError

NAMED = (
    "strict-serializable",
    "serializable",
    "snapshot-isolation",
    "parallel-snapshot-isolation",
    "repeatable-read",
    "read-atomic",
    "read-committed",
    "read-uncommitted",
)
"""The levels that are expectations, each an entry point of the group `splitbrain.checkers`."""

MODELS: dict[str, Callable[..., ListAppend | RwRegister]] = {"list-append": ListAppend, "rw-register": RwRegister}


def _at(level: str, *, model: str = "list-append", linearizable_keys: bool = False) -> ListAppend | RwRegister:
    if not isinstance(model, str) or model not in MODELS:
        raise UsageError(f"{level}: model is {' or '.join(MODELS)}, not {model!r}")
    if not linearizable_keys:
        return MODELS[model](level=level)
    if model != "rw-register":
        raise UsageError(f"{level}: linearizable_keys is an assumption about rw-register, not about {model}")
    return RwRegister(level=level, linearizable_keys=True)


strict_serializable = partial(_at, "strict-serializable")
serializable = partial(_at, "serializable")
snapshot_isolation = partial(_at, "snapshot-isolation")
parallel_snapshot_isolation = partial(_at, "parallel-snapshot-isolation")
repeatable_read = partial(_at, "repeatable-read")
read_atomic = partial(_at, "read-atomic")
read_committed = partial(_at, "read-committed")
read_uncommitted = partial(_at, "read-uncommitted")
