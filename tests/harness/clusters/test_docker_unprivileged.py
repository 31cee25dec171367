"""The docker cluster for whoever may use the engine and is not root: every node has a sidecar, and the faults are the
same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.clusters.docker import engine

HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="whoever runs this is nobody in particular already"),
]


def as_nobody(*command: str, groups: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(HERE / "unprivileged.py"), *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parents[2],
        env={**os.environ, "PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1", "GROUPS_TOO": groups},
    )


def socket_group() -> str:
    return str(Path(engine.endpoint().removeprefix("unix://")).stat().st_gid)


@pytest.mark.timeout(600)
def test_with_the_engine_but_without_root_the_cluster_does_all_the_same() -> None:
    tests = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        str(HERE / "test_docker_anybody.py"),
    ]
    done = as_nobody(*tests, groups=socket_group())
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout and "skipped" not in done.stdout, done.stdout


def test_what_takes_root_is_said_to_take_root() -> None:
    script = "from harness.clusters.docker import DockerCluster as D; print(D.probe())"
    done = as_nobody(sys.executable, "-c", script, groups=socket_group())
    powers = dict(eval(done.stdout))
    refused = {power for power, why in powers.items() if why}
    assert refused == {"memory", "cpu", "disk-full", "disk-read-only", "disk-hang", "power-loss"}, powers
    assert all("takes root" in powers[power] for power in refused)


def test_who_may_not_use_the_engine_is_told_what_to_do() -> None:
    script = "from harness.clusters.docker import DockerCluster as D; print(D.probe()['available'])"
    done = as_nobody(sys.executable, "-c", script, groups="")
    assert "join the group that owns its socket" in done.stdout
