"""A run that is still going on, as its growing history tells it: operations, faults in force, the last events.

The recorder appends whole batches and flushes at least once a second, and a history is read up to its last whole
batch, so nothing is asked of the run itself: it cannot be slowed down, and it need not be on this machine's terms.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from harness import faults
from harness.history import History
from harness.operation import Operation, Type
from reports import figures
from reports.backdrop import Backdrop
from reports.data import FaultRecord
from reports.figures import Figure
from reports.lanes import fault_lanes
from reports.series import series
from reports.serve.download import load
from reports.serve.store import RunName, Store

BYTES_MAX = 256 << 20
DRAWN_EVENTS_MAX = 400_000
EVENTS_SHOWN = 12
_KEPT = 8


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts are of client operations; `open` are those that nobody answered yet. `in_force` are faults of which nobody
    knows that they ended. `back` and `charts` are empty of a history that is too long to be drawn every second."""

    now_ns: int
    phase: str
    ok: int
    failed: int
    unknown: int
    open: int
    in_force: Sequence[FaultRecord]
    faults: int
    last: Sequence[Operation]
    back: Backdrop | None
    charts: Sequence[Figure]

    @property
    def ops(self) -> int:
        """How many operations began."""
        return self.ok + self.failed + self.unknown + self.open

    @property
    def succeeded(self) -> float | None:
        """The share of operations that ended ok, of those that ended."""
        ended = self.ok + self.failed + self.unknown
        return self.ok / ended if ended else None


class Watcher:
    """Looks at runs; a history that has not grown is not read again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[RunName, tuple[tuple[int, int], Progress]] = {}
        self._lock = Lock()

    def look(self, name: RunName) -> Progress:
        """How far a run is. Raises `Missing` if nothing is recorded yet, and `HistoryError`."""
        with self._lock:  # one reader at a time: ten visitors of a page must not cost ten readings
            with self._store.file(name.target, name.run, "history.arrow") as descriptor:
                found = os.fstat(descriptor)
            sign = found.st_size, found.st_mtime_ns
            if name not in self._known or self._known[name][0] != sign:
                progress = measure(load(self._store, name, BYTES_MAX))
                self._known.pop(name, None)
                self._known[name] = sign, progress
                while len(self._known) > _KEPT:
                    del self._known[next(iter(self._known))]
            return self._known[name][1]


def measure(history: History) -> Progress:
    """What a history tells of a run so far."""
    counts, now_ns = _counts(history)
    spans = faults.spans(history) if len(history) else []
    records = [FaultRecord.of(span.to_json()) for span in spans]
    in_force = [record for record, span in zip(records, spans, strict=True) if span.may_hold_at(now_ns)]
    back, charts = None, []
    if 0 < len(history) <= DRAWN_EVENTS_MAX:
        counted = series(history, records)
        back = Backdrop.of(counted, records)
        charts = [*([fault_lanes(back)] if records else []), figures.throughput(counted, back)]
    return Progress(
        now_ns,
        next(reversed(faults.phases(history)), "starting"),
        *counts,
        in_force,
        len(spans),
        [history[row] for row in range(max(len(history) - EVENTS_SHOWN, 0), len(history))][::-1],
        back,
        charts,
    )


def _counts(history: History) -> tuple[tuple[int, int, int, int], int]:
    """Client operations ok, failed, unknown and open, and the time of the last event, from plain columns."""
    import numpy as np

    if not len(history):
        return (0, 0, 0, 0), 0
    clients = np.asarray(history.column("process")) >= 0
    types = np.asarray(history.types())[clients]
    ok, failed, unknown = (int((types == kind).sum()) for kind in (Type.OK, Type.FAIL, Type.INFO))
    invoked = int((types == Type.INVOKE).sum())
    return (ok, failed, unknown, max(invoked - ok - failed - unknown, 0)), int(history.column("time")[len(history) - 1])
