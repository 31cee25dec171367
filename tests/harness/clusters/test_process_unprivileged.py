"""The tests of the process cluster once more, run by nobody in particular: the faults are the same without root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.geteuid() != 0, reason="whoever runs this is nobody in particular already"),
]


def test_without_root_the_cluster_does_all_the_same(tmp_path: Path) -> None:
    tests = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(HERE / "test_process.py")]
    done = subprocess.run(
        [sys.executable, str(HERE / "unprivileged.py"), *tests],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parents[2],
        env={**os.environ, "PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # The tests say themselves what takes root: control groups, unless somebody gave the user one.
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert " passed" in done.stdout and all("control group" in line for line in skipped), done.stdout
