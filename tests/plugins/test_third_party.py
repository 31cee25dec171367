"""A package that splitbrain has never heard of is installed beside it, and all its parts are used by name."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "tiny"
ROOT = Path(__file__).parents[2]

Splitbrain = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def splitbrain(tmp_path_factory: pytest.TempPathFactory) -> Splitbrain:
    """Runs the command line with the package installed beside it, in a folder of its own."""
    site = tmp_path_factory.mktemp("site")
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target"]
    subprocess.run([sys.executable, *install, str(site), str(PACKAGE)], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "harness.cli", *words]
        return subprocess.run(command, env=environment, cwd=site, capture_output=True, text=True, timeout=120)

    return run


def test_all_its_parts_are_listed(splitbrain: Splitbrain) -> None:
    listed = json.loads(splitbrain("list", "--json").stdout)
    assert "tiny-counter" in listed["targets"]
    assert "tiny-increments" in listed["workloads"]
    assert "tiny-clock" in listed["nemeses"]
    assert "tiny-no-repeats" in listed["checkers"]
    assert "tiny-sim" in listed["clusters"]


RUN = ("--workload", "tiny-increments", "--cluster", "tiny-sim", "--nemesis", "tiny-clock", "--time", "10s", "--json")


def test_its_target_is_run_under_its_nemesis_and_judged_by_its_checker(splitbrain: Splitbrain) -> None:
    done = splitbrain("run", "tiny-counter", *RUN)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["verdict"] == "pass"
    assert [claim["id"] for claim in verdict["claims"]] == ["unique"]
    assert {fault["family"] for fault in verdict["faults"]} == {"tiny-clock"}
    assert verdict["claims"][0]["stats"]["numbers"] > 300


def test_a_broken_promise_of_its_target_is_found(splitbrain: Splitbrain, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("target: {name: tiny-counter, apart: false}\n")
    done = splitbrain("run", "--plan", str(plan), *RUN)
    assert done.returncode == 1, done.stderr
    [claim] = json.loads(done.stdout)["claims"]
    assert claim["anomalies"][0]["type"] == "repeated-number"


def test_its_report_is_written_by_name(splitbrain: Splitbrain) -> None:
    folder = json.loads(splitbrain("run", "tiny-counter", *RUN).stdout)["run"]
    done = splitbrain("report", folder, "--kind", "tiny-line")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).name == "line.txt"


def test_an_option_that_a_plugin_does_not_take_is_a_usage_error(splitbrain: Splitbrain, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("target: {name: tiny-counter, colour: red}\n")
    done = splitbrain("run", "--plan", str(plan), *RUN)
    assert done.returncode == 2
    assert "colour" in done.stderr
    assert "Traceback" not in done.stderr
