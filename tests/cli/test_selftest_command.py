"""`splitbrain selftest`: what is found, missed, blamed or broken is told, with its exit code; nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Splitbrain

from tests import selftest_stores

Refused = Callable[["subprocess.CompletedProcess[str]", int], str]
Selftest = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(splitbrain: Splitbrain, tmp_path: Path) -> dict[str, str]:
    """With the stores installed, and a folder for temporary files that nobody else uses."""
    site = selftest_stores.install(tmp_path / "site")
    (tmp_path / "temporary").mkdir()
    path = os.pathsep.join([str(site), splitbrain.environment()["PYTHONPATH"]])
    return {"PYTHONPATH": path, "TMPDIR": str(tmp_path / "temporary")}


@pytest.fixture
def selftest(splitbrain: Splitbrain, environment: dict[str, str], tmp_path: Path) -> Iterator[Selftest]:
    yield lambda *words: splitbrain("selftest", *words, **environment)
    assert list((tmp_path / "temporary").iterdir()) == [], "nothing is left"


def told(done: subprocess.CompletedProcess[str]) -> Any:
    """What it printed with `--json`; its exit code is the process's."""
    document = json.loads(done.stdout)
    assert document["exit_code"] == done.returncode, done.stderr
    return document


def test_a_bug_that_is_found_is_told_and_passes(selftest: Selftest) -> None:
    document = told(selftest("honest", "--bug", "loses-writes", "--clean-seeds", "2", "--repeat", "3", "--json"))
    assert document["verdict"] == "pass"
    [row] = document["bugs"]
    assert (row["target"], row["bug"], row["hunts"], row["found"]) == ("honest", "loses-writes", 3, 3)
    assert (row["median_seeds"], row["example"]["seed"], row["example"]["anomaly"]) == (1, 0, "stale-read")
    [trial] = document["stores"]
    assert (trial["target"], trial["trial"], trial["runs"], trial["pass"]) == ("honest", 1, 2, 2)


def test_unspoiled_stores_are_tried_alone_where_no_hunt_is_wanted(selftest: Selftest) -> None:
    document = told(selftest("honest", "--repeat", "0", "--clean-seeds", "2", "--json"))
    assert document["bugs"] == []
    assert [row["runs"] for row in document["stores"]] == [2]


def test_a_bug_that_nobody_can_find_fails_and_is_named(selftest: Selftest) -> None:
    done = selftest("honest", "--seeds", "2", "--clean-seeds", "1")
    assert done.returncode == 1
    assert "NOT FOUND honest does-nothing in 2 seeds" in done.stderr
    assert "1 of 2 bugs were found" in done.stdout
    assert "honest loses-writes: found 1 of 1 in 1 seeds, as stale-read" in done.stderr, "a line for each in a log"


def test_an_unspoiled_store_that_is_blamed_fails_and_is_named(selftest: Selftest) -> None:
    done = selftest("boastful", "--clean-seeds", "1")
    assert done.returncode == 1
    assert "BLAMED boastful trial 1 (register) seed 0: boastful-promise: " in done.stderr


@pytest.mark.parametrize(("store", "code", "word"), [("unsure", 3, "INCONCLUSIVE"), ("crashing", 4, "ERROR")])
def test_runs_without_an_answer_have_their_exit_codes(selftest: Selftest, store: str, code: int, word: str) -> None:
    done = selftest(store, "--clean-seeds", "1")
    assert done.returncode == code
    assert f"{word} {store} trial 1 (register) seed 0: " in done.stderr


def test_a_process_that_dies_is_told_with_what_it_did_and_the_rest_goes_on(selftest: Selftest) -> None:
    document = told(selftest("deadly", "honest", "--bug", "loses-writes", "--clean-seeds", "1", "--json"))
    assert document["exit_code"] == 4
    [lost] = document["lost"]
    assert (lost["name"], lost["why"]) == ("deadly: trial 1 with seed 0", "its process ended with exit code 7")
    assert [row["pass"] for row in document["stores"]] == [1]


def test_what_a_plugin_raises_is_told_with_its_traceback(selftest: Selftest) -> None:
    done = selftest("misnamed", "--clean-seeds", "1")
    assert done.returncode == 4
    assert "BROKEN misnamed: trial 1 with seed 0: it raised UnknownName: no workload is called" in done.stderr
    assert "in resolve" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hornest"], "no target is called 'hornest': did you mean honest?"),
        (["honest", "--bug", "none"], "no bug is called 'none': there is does-nothing, loses-writes"),
        (["etcd"], "etcd has no trials in the simulator"),
        (["--seeds", "1001"], "1001 is not in the range 1<=x<=1000"),
    ],
)
def test_a_wrong_request_is_a_usage_error(selftest: Selftest, refused: Refused, words: list[str], message: str) -> None:
    assert message in refused(selftest(*words), 2)


def test_the_tables_are_written_where_they_are_wanted(selftest: Selftest, tmp_path: Path) -> None:
    done = selftest("honest", "--bug", "loses-writes", "--clean-seeds", "1", "--report", "a.md", "--report", "b.html")
    assert done.returncode == 0, done.stderr
    assert "| honest | loses-writes |" in (tmp_path / "a.md").read_text()
    assert "loses-writes" in (tmp_path / "b.html").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_one_that_is_interrupted_leaves_no_process_and_no_file(
    splitbrain: Splitbrain, environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        splitbrain.command("selftest", "endless", "--jobs", "2"),
        cwd=tmp_path,
        env=splitbrain.environment(**environment),
        stderr=subprocess.PIPE,
        text=True,
    )
    temporary = tmp_path / "temporary"
    try:
        wait_until(lambda: len(list(temporary.glob("*/*/endless"))) == 2)
        assert len(workers(temporary)) == 2
    finally:
        process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    if number is signal.SIGKILL:
        wait_until(lambda: not workers(temporary) and not any(temporary.iterdir()))
    else:
        assert process.returncode == 130
        assert "interrupted" in errors
        assert "Traceback" not in errors
    assert workers(temporary) == []
    assert list(temporary.iterdir()) == []


def workers(temporary: Path) -> list[str]:
    """The processes that were told to use this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "harness.workers" in words and str(temporary) in words:
            found.append(words)
    return found


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)
