"""Runs side by side: what each promised and kept, and their charts on the same scales.

Unlike `splitbrain compare`, nothing is measured here: the page shows what the runs recorded when they were judged, so
it also puts two runs of one store beside each other, before and after a change, or two seeds of one plan.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from typing import Any

from harness.errors import UsageError
from reports.compare import side_by_side
from reports.data import ClaimRecord, RunData
from reports.html import expectation, tiles
from reports.series import series
from reports.serve import facts
from reports.serve.store import Missing, RunName, Store, entries

RUNS_MAX = 4
HISTORY_BYTES_MAX = 48 << 20
PAGES_MAX = 200


def context(store: Store, names: Sequence[RunName]) -> dict[str, Any]:
    """What the page is made of. Raises `UsageError` for too few or too many runs, `Missing` for one that cannot be
    shown."""
    if not 2 <= len(names) <= RUNS_MAX:
        raise UsageError(f"choose two to {RUNS_MAX} runs to put side by side")
    runs = [_load(store, name) for name in names]
    back, panels = side_by_side(runs)
    claims = dict.fromkeys(claim.id for run in runs for claim in run.claims)
    return {
        "names": names,
        "runs": runs,
        "back": back,
        "panels": panels,
        "legend": {words: key for _, drawn in panels for one in drawn for key, words in one.legend},
        "tiles": list(zip(*(tiles(run, series(run.history, run.faults)) for run in runs), strict=True)),
        "claims": [(id, [_claim(run, id) for run in runs]) for id in claims],
        "expectation": expectation,
        "same_plan": len({run.plan for run in runs}) == 1,
    }


def _load(store: Store, name: RunName) -> RunData:
    limits = {
        "verdict.json": facts.VERDICT_BYTES_MAX,
        "faults.jsonl": facts.VERDICT_BYTES_MAX,
        "plan.yaml": facts.PLAN_BYTES_MAX,
        "history.arrow": HISTORY_BYTES_MAX,
    }
    with store.folder(name.target, name.run) as folder:
        for file, bytes_max in limits.items():
            size = os.lstat(f"/proc/self/fd/{folder}/{file}").st_size if file in entries(folder) else 0
            if size > bytes_max:
                raise Missing(f"{name}: {file} has {size:,} bytes; side by side, no more than {bytes_max:,} are read")
    return RunData.load(store.sound(name).path)


def _claim(run: RunData, id: str) -> ClaimRecord | None:
    return next((claim for claim in run.claims if claim.id == id), None)


def pages(store: Store) -> list[tuple[str, float]]:
    """The comparisons that lie in the folder, with when they were written, the latest first."""
    with store.folder() as folder:
        found = [
            (entry, os.stat(entry, dir_fd=folder, follow_symlinks=False)) for entry in entries(folder) if is_page(entry)
        ]
    written = [(name, status.st_mtime) for name, status in found if stat.S_ISREG(status.st_mode)]
    return sorted(written, key=lambda page: page[1], reverse=True)[:PAGES_MAX]


def is_page(name: str) -> bool:
    """Whether a file of that name is a comparison."""
    return re.fullmatch(r"compare-[A-Za-z0-9._-]+\.html", name) is not None
