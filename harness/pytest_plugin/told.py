"""What a failed test tells: verdict, line, the operations that prove it, and how to see it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def proof(case: Mapping[str, Any]) -> str:
    """A case of a gate's answer (`harness.gate.answer`) as a few lines of text."""
    lines = [f"{case['file']}:{case['line']}: {case['name']}: {case['verdict']}", case["why"]]
    if shown := case["shown"]:
        lines += ["", f"{shown['anomaly']}: {shown['message']}", *(f"    {line}" for line in shown["witness"])]
        lines += [f"again:  {shown['command']}"]
        lines += [f"report: {shown['run']}/report.html"] if shown["run"] else []
    return "\n".join(lines)
