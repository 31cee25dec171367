"""The sample repository: its README's commands as they stand. The gate passes, and fails once the store is broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "ci"


class Checkout:
    """A copy of the sample repository, with `pip` and `splitbrain` on the path; packages go to a folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "shelf"
        shutil.copytree(EXAMPLE, self.path)
        site, tools = folder / "site", folder / "bin"
        tools.mkdir()
        install = f"install --quiet --no-deps --no-build-isolation --no-index --upgrade --target {site} ."
        _script(tools / "pip", f"exec {sys.executable} -m pip {install}")
        _script(tools / "splitbrain", f'exec {sys.executable} -m harness.cli "$@"')
        paths = {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": f"{site}:{ROOT}", "PIP_CACHE_DIR": str(folder)}
        self.environment = {**os.environ, **paths}

    def sh(self, block: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-e", "-c", block],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_its_readme_passes_then_fails_with_line_counterexample_and_command(checkout: Checkout) -> None:
    whole, broken = re.findall(r"```sh\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.DOTALL)
    done = checkout.sh(whole)
    assert done.returncode == 0, done.stdout + done.stderr
    done = checkout.sh(broken)
    assert done.returncode == 1, done.stdout + done.stderr
    line = (checkout.path / "claims.yaml").read_text().splitlines().index("  - id: shelf-linearizable") + 1
    assert f"claims.yaml:{line}: shelf-linearizable is broken" in done.stdout
    assert re.search(r"\d s  process \d+ on n\d: (read|write)", done.stdout)
    again = re.search(r"again:  (splitbrain run .*)", done.stdout)
    assert again
    assert checkout.sh(again[1]).returncode == 1


def test_its_files_for_ci_systems_are_yaml_that_names_what_there_is(checkout: Checkout) -> None:
    import yaml

    [job] = yaml.safe_load((EXAMPLE / ".github/workflows/consistency.yml").read_text())["jobs"].values()
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    [gate] = [step for step in job["steps"] if "claims" in step.get("with", {})]
    assert set(gate["with"]) <= set(inputs)
    script = yaml.safe_load((EXAMPLE / ".gitlab-ci.yml").read_text())["consistency"]["script"]
    words = next(line for line in script if line.startswith("splitbrain"))
    assert checkout.sh("pip install . && " + words.replace("gate", "lint", 1).split(" --")[0]).returncode == 0
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    [repository] = yaml.safe_load((EXAMPLE / ".pre-commit-config.yaml").read_text())["repos"]
    assert {hook["id"] for hook in repository["hooks"]} <= {hook["id"] for hook in hooks}
