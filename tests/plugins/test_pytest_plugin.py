"""The pytest plugin as its users meet it: a pytest of its own, in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CLAIMS = """
defaults: {time: 6s, settle: 1s, seeds: 2, nemeses: [{name: partition, interval: 1s}]}
claims:
  - {id: holds, target: multi-leader, expect: {converges: {within: 5s}}}
  - {id: broken, target: multi-leader, expect: linearizable}
"""

Pytest = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_pytest(tmp_path: Path) -> Pytest:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_every_claim_is_a_test_at_its_line_that_tells_its_counterexample(
    tmp_path: Path, run_pytest: Pytest, words: tuple[str, ...]
) -> None:
    (tmp_path / "store.claims.yaml").write_text(CLAIMS)
    done = run_pytest("--junit-xml", "junit.xml", *words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert re.search(r"store\.claims\.yaml:5: broken: fail", done.stdout)
    assert re.search(r"\d s  process \d+ on n\d: write \d+ \d+ -> ok", done.stdout)
    assert "again:  splitbrain run multi-leader" in done.stdout
    assert "harness/gate" not in done.stdout  # no traceback
    assert list((tmp_path / "runs").glob("multi-leader/*/report.html"))
    junit = (tmp_path / "junit.xml").read_text()
    assert 'name="fingerprint"' in junit
    assert 'name="clean" value="2"' in junit


def test_one_claim_can_be_chosen_and_a_mistake_is_an_error_of_the_collection(
    tmp_path: Path, run_pytest: Pytest
) -> None:
    (tmp_path / "store.claims.yaml").write_text(CLAIMS)
    assert run_pytest("store.claims.yaml::holds").returncode == 0
    (tmp_path / "bad.claims.yaml").write_text("claims:\n  - {id: a, target: rafft, expect: linearizable}\n")
    done = run_pytest("--collect-only")
    assert done.returncode == 2
    assert "bad.claims.yaml:2: a: no target is called 'rafft': did you mean raft?" in done.stdout


def test_a_claim_without_an_answer_is_no_success(tmp_path: Path, run_pytest: Pytest) -> None:
    (tmp_path / "store.claims.yaml").write_text(CLAIMS)
    done = run_pytest("store.claims.yaml::holds", "--splitbrain-budget", "0s")
    assert done.returncode == 1
    assert "holds: inconclusive" in done.stdout


def test_a_baseline_accepts_what_is_known(tmp_path: Path, run_pytest: Pytest) -> None:
    (tmp_path / "store.claims.yaml").write_text(CLAIMS.replace("seeds: 2", "seeds: 1"))
    known = "\n".join(
        f"  - {{claim: broken, anomaly: {anomaly}, reason: last write wins}}"
        for anomaly in ("stale-read", "lost-write", "non-linearizable", "read-inversion", "future-read")
    )
    (tmp_path / "known.yaml").write_text(f"accepted:\n{known}\n")
    done = run_pytest("store.claims.yaml::broken", "--splitbrain-baseline", "known.yaml")
    assert done.returncode == 0, done.stdout


TESTS = """
import pytest

PLAN = {"target": "multi-leader", "nemeses": [{"name": "partition", "interval": "1s"}], "time": "6s", "settle": "1s"}


@pytest.mark.splitbrain(**PLAN, seeds=2)
def test_own_claims(run_test, seed):
    assert run_test().seed == seed


@pytest.mark.splitbrain(**PLAN)
def test_broken(run_test):
    run_test(expect=["linearizable"])


@pytest.mark.splitbrain(target="raft", nodes=3, nemeses=["partition"])
def test_story(cluster):
    async def story(nodes):
        connection = await nodes.connect("n1")
        await connection.call({"type": "write", "key": "x", "value": 7})
        evidence = await nodes.network.cut("mine", {"n1": ["n2", "n3"], "n2": ["n1"], "n3": ["n1"]})
        assert set(evidence) == {"n1", "n2", "n3"}
        await nodes.network.mend("mine")
        other = await nodes.connect("n2")
        return await other.call({"type": "read", "key": "x"})

    assert cluster(story)["value"] == 7


@pytest.mark.splitbrain(target="raft")
def test_story_that_fails(cluster):
    async def story(nodes):
        raise RuntimeError("the plot thickens")

    with pytest.raises(RuntimeError, match="thickens"):
        cluster(story)
"""


def test_fixtures_and_marker_make_tests_in_python(tmp_path: Path, run_pytest: Pytest) -> None:
    (tmp_path / "test_store.py").write_text(TESTS)
    done = run_pytest("--strict-markers", "-v", "-W", "error")
    assert "test_own_claims[0] PASSED" in done.stdout, done.stdout + done.stderr
    assert "test_own_claims[1] PASSED" in done.stdout
    assert "test_story PASSED" in done.stdout
    assert "test_story_that_fails PASSED" in done.stdout
    assert "test_broken FAILED" in done.stdout
    assert re.search(r"linearizable: fail: .*\n +\d+\.\d+ to .* process \d+ on n\d: ", done.stdout)
    assert "again:  splitbrain run multi-leader" in done.stdout


def test_a_pytest_that_needs_nothing_of_it_imports_nothing_of_it(tmp_path: Path, run_pytest: Pytest) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test_it():\n    loaded = {name for name in sys.modules if name.startswith('harness')}\n"
        "    assert loaded == {'harness', 'harness.pytest_plugin'}\n"
    )
    assert run_pytest().returncode == 0
