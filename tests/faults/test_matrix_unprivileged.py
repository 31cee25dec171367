"""The column of `process` once more, played by nobody in particular: what needs no root is done without it, and what
does says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BECOME_NOBODY = HERE.parent / "harness" / "clusters" / "unprivileged.py"

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.geteuid() != 0, reason="whoever runs this is nobody in particular already"),
]

ROOTS = {"memory", "cpu", "disk-read-only", "disk-hang", "power-loss"}
"""Control groups, unless somebody gave the user one, and file systems of their own are root's."""


def test_the_matrix_without_root() -> None:
    tests = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(HERE)]
    done = subprocess.run(
        [sys.executable, str(BECOME_NOBODY), *tests, "-m", "process", "-k", "not unprivileged"],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parents[1],
        env={**os.environ, "PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    for line in skipped:
        assert any(f"process cannot do {need} here: " in line for need in ROOTS), line
    assert " passed" in done.stdout
