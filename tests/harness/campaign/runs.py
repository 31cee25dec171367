"""Runs as a campaign records them."""

from __future__ import annotations

from typing import Any

from harness.campaign.record import Failure, Run
from harness.verdict import Verdict

PASS, FAIL, UNSURE, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR


def ran(seed: int = 1, verdict: Verdict = PASS, **fields: Any) -> Run:
    """A run of that verdict on its one claim."""
    failures = (Failure("held", "stale-read", f"seed {seed} read an old value", "f" * 32),) if verdict is FAIL else ()
    usual: dict[str, Any] = {
        "seed": seed,
        "target": "raft",
        "workload": "register",
        "nemeses": ("kill", "partition"),
        "applied": ("kill",),
        "nodes": 5,
        "verdict": verdict,
        "claims": {"held": verdict},
        "limits": {},
        "failures": failures,
        "problem": "no disk" if verdict is ERROR else "",
        "folder": f"raft/20260101T000000-{seed}" if failures else "",
        "command": f"splitbrain run raft --seed {seed}" if failures else "",
        "ops": 100 + seed,
        "wall_s": 0.5,
        "at_s": 1.7e9 + seed,
    }
    return Run(**{**usual, **fields})
