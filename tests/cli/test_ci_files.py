"""The files that CI systems read: the action, the hook, the linter behind it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def action() -> Any:
    return yaml.safe_load((ROOT / "action.yml").read_text())


def step(action: Any, name: str) -> Any:
    return next(step for step in action["runs"]["steps"] if step["name"] == name)


def test_the_actions_scripts_take_their_inputs_from_the_environment_alone(action: Any) -> None:
    scripts = [step["run"] for step in action["runs"]["steps"] if "run" in step]
    assert len(scripts) == 2
    assert not any("${{" in script for script in scripts)
    assert set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text())) == set(action["inputs"])


@pytest.mark.parametrize("claims, code", [("converges", 0), ("linearizable", 1)])
def test_the_actions_gate_runs_as_it_stands(
    tmp_path: Path, action: Any, splitbrain: Any, claims: str, code: int
) -> None:
    expect = {"converges": "{converges: {within: 5s}}"}.get(claims, claims)
    (tmp_path / "a b.yaml").write_text(
        "defaults: {time: 6s, settle: 1s, seeds: 2, nemeses: [{name: partition, interval: 1s}]}\n"
        f"claims:\n  - {{id: a, target: multi-leader, expect: {expect}}}\n"
    )
    given = {name: str(field.get("default", "")) for name, field in action["inputs"].items()} | {"claims": "a b.yaml"}
    gate = step(action, "gate")
    words = {name: given[re.findall(r"inputs\.([\w-]+)", value)[0]] for name, value in gate["env"].items()}
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "splitbrain").write_text('#!/bin/sh\nexec "$PYTHON" -m harness.cli "$@"\n')
    (tools / "splitbrain").chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", gate["run"]],
        cwd=tmp_path,
        env=splitbrain.environment(
            **words, PATH=path, PYTHON=splitbrain.command()[0], GITHUB_OUTPUT=str(tmp_path / "out")
        ),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert (tmp_path / "splitbrain.sarif").exists()
    assert (tmp_path / "splitbrain-junit.xml").exists()
    assert f"exit-code={code}" in (tmp_path / "out").read_text()
    assert ("::error file=a b.yaml,line=3" in done.stderr) == bool(code)


def test_the_hook_names_a_command_that_there_is(splitbrain: Any) -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, *words = hook["entry"].split()
    assert program == "splitbrain"
    assert splitbrain(*words, "--help").returncode == 0
    assert re.search(hook["files"], "ci/claims.yaml")
    assert re.search(hook["files"], "raft.claims.yml")
    assert not re.search(hook["files"], "reclaims.yaml.md")


def test_the_linter_tells_every_mistake_in_every_file_and_runs_nothing(tmp_path: Path, splitbrain: Any) -> None:
    (tmp_path / "good.yaml").write_text("claims:\n  - {id: a, target: raft, expect: linearizable}\n")
    (tmp_path / "bad.yaml").write_text("claims:\n  - {id: a, target: rafft, expect: linearizable}\n")
    done = splitbrain("lint", "good.yaml")
    assert (done.returncode, done.stdout) == (0, "1 case, no mistake\n")
    done = splitbrain("lint", "bad.yaml", "good.yaml", "none.yaml")
    assert done.returncode == 2
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == ["bad.yaml:2", "none.yaml"]
    assert splitbrain.json("lint", "good.yaml", "bad.yaml")["cases"] == 1
    assert not (tmp_path / "runs").exists()


def test_the_claims_that_the_benchmark_gates_are_twenty_without_a_mistake(splitbrain: Any) -> None:
    done = splitbrain("lint", str(ROOT / "benchmarks" / "gate.claims.yaml"))
    assert (done.returncode, done.stdout) == (0, "20 cases, no mistake\n")
