"""Answers of gates for tests, hostile ones among them."""

from __future__ import annotations

from typing import Any

HOSTILE = (
    "</script><script>alert(1)</script>",
    "%0A::error::forged",
    "\x00\x08\x1b[2J\ud800",
    "]]><x/>&amp;",
    "| a | b |\n| - |",
    "```\n# forged",
    "\u202egnp.exe",
    "a" * 1_000_000,
)


def shown(**fields: Any) -> dict[str, Any]:
    return {
        "seed": 7,
        "anomaly": "lost-write",
        "message": "write 7 was acknowledged, and is gone",
        "witness": [
            "1.0 to 2.0 s  process 1 on n1: write x 7 -> ok",
            "3.0 to 4.0 s  process 2 on n2: read x -> ok null",
        ],
        "command": "splitbrain run raft --seed 7 --expect linearizable",
        "run": "runs/raft/20270101T000000-7",
        "fingerprint": "0123456789abcdef",
    } | fields


def case(verdict: str = "pass", **fields: Any) -> dict[str, Any]:
    return {
        "name": "raft-linearizable",
        "claim": "raft-linearizable",
        "file": "claims.yaml",
        "line": 12,
        "target": "raft",
        "workload": "register",
        "cluster": "sim",
        "nemeses": ["partition", "kill"],
        "expect": "linearizable",
        "verdict": verdict,
        "why": "20 clean runs: under 14 % of runs violate it, at 95 % confidence",
        "wanted": 20,
        "runs": 20,
        "clean": 20,
        "inconclusive": 0,
        "errors": 0,
        "confidence": 0.95,
        "bound": 0.139,
        "operations": 40_000,
        "seconds": 12.5,
        "shown": shown() if verdict == "fail" else None,
        "known": [],
    } | fields


def answer(*cases: dict[str, Any], baseline: tuple[dict[str, Any], ...] = (), **fields: Any) -> dict[str, Any]:
    order = ["fail", "error", "inconclusive", "pass"]
    verdict = min((each["verdict"] for each in cases), key=order.index)
    return {
        "verdict": verdict,
        "exit_code": {"pass": 0, "fail": 1, "inconclusive": 3, "error": 4}[verdict],
        "file": "claims.yaml",
        "seconds": 20.0,
        "runs": 20 * len(cases),
        "cases": list(cases),
        "baseline": list(baseline),
    } | fields


def hostile(text: str) -> dict[str, Any]:
    """Everything that a target, or a claims file, may say is that text."""
    said = shown(anomaly=text, message=text, witness=[text], command=text)
    known = shown(message=text) | {"reason": text, "issue": text, "expires": "", "baseline": "known.yaml:3"}
    entry = {"claim": text, "anomaly": text, "state": "absent", "why": text, "file": "known.yaml", "line": 3}
    broken = case("fail", name=text, target=text, workload=text, why=text, shown=said, known=[known])
    return answer(broken, case("inconclusive", why=text), baseline=(entry,))
