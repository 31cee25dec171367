"""A healed partition is over at once: no connection between nodes waits for the kernel's back-off."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

CUT = ["unshare", "--net", "--mount"]


def missing() -> str | None:
    """Why namespaces cannot be made here, or None."""
    for program in ("unshare", "ip", "nft"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    tried = subprocess.run([*CUT, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, timeout=10)
    return tried.stderr.strip() or "namespaces are refused" if tried.returncode else None


def test_nodes_hear_each_other_again_soon_after_a_partition() -> None:
    if reason := missing():
        pytest.skip(f"needs network namespaces: {reason}")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[2]), str(HERE)])}
    command = [*CUT, sys.executable, str(HERE / "partitioned.py")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    for name, (near_silent_ms, far_silent_ms, mended_ms) in json.loads(result.stdout).items():
        assert near_silent_ms > 2000, f"{name}: the cut was in force"
        assert far_silent_ms > 1000 or name == "one way"
        assert mended_ms < 1500, f"{name}: by far less than the kernel's own retransmissions would take"
