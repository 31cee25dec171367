"""What goes wrong is said in one message, with the documented exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.conftest import Splitbrain

Refused = Callable[["subprocess.CompletedProcess[str]", int], str]

STORES = Path(__file__).parent / "stores.py"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "rafd"], "no target is called 'rafd': did you mean raft?"),
        (["run", "raft", "--nemesis", "partiton"], "no nemesis is called 'partiton': did you mean partition?"),
        (["run", "raft", "--workload", "bnk"], "no workload is called 'bnk'"),
        (["run", "raft", "--cluster", "simm"], "no cluster is called 'simm'"),
        (["run", "raft", "--expect", "lineariseable"], "lineariseable"),
        (["run", "raft", "--expect", "{availability: {min: 2}}"], "min is a share between 0 and 1"),
        (["run", "raft", "--expect", "{"], "inline YAML"),
        (["run", "raft", "--time", "5 parsecs"], "is not a duration"),
        (["run", "raft", "--nodes", "0"], "nodes"),
        (["run", "raft", "--interval", "5s"], "--interval needs --nemesis"),
        (["run", "raft", "--rate", "0"], "rate"),
        (["run"], "target"),
        (["run", "--plan", "none.yaml"], "none.yaml"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run", "raft", "--frobnicate"], "No such option"),
        (["check", "none.edn", "--model", "register"], "none.edn"),
        (["replay", "."], "is not a run"),
        (["list", "colours"], "colours"),
    ],
)
def test_a_wrong_request_is_a_usage_error(
    splitbrain: Splitbrain, refused: Refused, tmp_path: Path, words: list[str], message: str
) -> None:
    assert message in refused(splitbrain(*words), 2)
    assert not (tmp_path / "runs").exists(), "nothing was started"


def test_a_fault_that_the_cluster_cannot_do_is_refused_before_anything_starts(
    splitbrain: Splitbrain, refused: Refused, tmp_path: Path
) -> None:
    done = splitbrain("run", "raft", "--nemesis", "limits", "--expect", "linearizable")
    message = refused(done, 2)
    assert "cluster sim cannot do limits" in message
    assert not (tmp_path / "runs").exists()


def test_a_docker_engine_that_is_not_running_is_named(splitbrain: Splitbrain, refused: Refused, tmp_path: Path) -> None:
    done = splitbrain("run", "raft", "--cluster", "docker", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert "engine" in refused(done, 2)


def test_a_malformed_plan_has_file_and_line(splitbrain: Splitbrain, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("target: raft\nnodes: many\n")
    assert "plan.yaml:2: nodes" in refused(splitbrain("run", "--plan", "plan.yaml"), 2)


HISTORY = "".join(
    json.dumps(event) + "\n"
    for event in (
        {"process": 0, "type": "invoke", "f": "write", "value": 1, "time": 0},
        {"process": 0, "type": "ok", "f": "write", "value": 1, "time": 5},
        {"process": 1, "type": "invoke", "f": "read", "value": None, "time": 7},
        {"process": 1, "type": "ok", "f": "read", "value": 1, "time": 9},
    )
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x00\x01\x02\xff", ""),
        (b"hello\n", ""),
        (b'{"process": 0}\n', "1"),
        (b"{:process 0, :type :maybe, :f :read}", "1"),
        (b"\xff\xff\xff\xff\x10\x00\x00\x00garbage", ""),
        (b"[" * 100_000, ""),
    ],
    ids=["empty", "binary", "text", "no type", "wrong type", "Arrow garbage", "deep"],
)
def test_a_broken_history_is_a_message(
    splitbrain: Splitbrain, refused: Refused, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "history").write_bytes(content)
    told = refused(splitbrain("check", "history", "--model", "cas-register"), 2)
    assert "history" in told
    assert message in told


@pytest.mark.parametrize("content", [HISTORY.encode()[:-20], b"[{:process 0, :type :invoke, :f :read}"])
def test_a_text_whose_end_is_torn_is_read_up_to_its_last_whole_event(
    splitbrain: Splitbrain, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "history").write_bytes(content)
    assert splitbrain.json("check", "history", "--model", "cas-register")["truncated"] is True
    assert "torn" in splitbrain("check", "history", "--model", "cas-register").stdout


def test_a_history_whose_end_is_torn_is_read_up_to_its_last_whole_batch(splitbrain: Splitbrain, tmp_path: Path) -> None:
    run = splitbrain.json("run", "raft", "--time", "5s", "--seed", "3")["run"]
    whole = tmp_path / run / "history.arrow"
    (tmp_path / "torn.arrow").write_bytes(whole.read_bytes()[:-100])
    told = splitbrain.json("check", "torn.arrow", "--model", "cas-register")
    assert told["truncated"] is True


def plan_of(tmp_path: Path, target: str, **more: object) -> None:
    """A plan for a target that a package of the test's own declares."""
    fields = {"target": target, "time": "3s", "settle": "1s", "timeout": "500ms", "seed": 1, **more}
    (tmp_path / "plan.yaml").write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in fields.items()))


@pytest.fixture
def stores(tmp_path: Path) -> str:
    """A folder with the broken stores as an installed package; goes on the path."""
    package = tmp_path / "site"
    info = package / "broken_stores-1.dist-info"
    info.mkdir(parents=True)
    (package / "broken_stores.py").write_text(STORES.read_text())
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-stores\nVersion: 1\n")
    names = ("crashes-at-start", "never-answers", "answers-garbage", "never-ready", "client-raises")
    lines = [f"{name} = broken_stores:{name.replace('-', '_')}" for name in names]
    (info / "entry_points.txt").write_text("[splitbrain.targets]\n" + "\n".join(lines) + "\n")
    return str(package)


def with_stores(splitbrain: Splitbrain, stores: str, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([stores, splitbrain.environment()["PYTHONPATH"]])
    return splitbrain(*words, PYTHONPATH=path)


def test_a_node_that_crashes_at_start_is_a_harness_error_with_its_last_words(
    splitbrain: Splitbrain, stores: str, tmp_path: Path
) -> None:
    plan_of(tmp_path, "crashes-at-start", expect=["linearizable"])
    done = with_stores(splitbrain, stores, "run", "--plan", "plan.yaml", "--json")
    assert done.returncode == 4, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["verdict"] == "error"
    assert "no such disk" in verdict["problem"]
    assert "Traceback" not in done.stderr


def test_a_node_that_cannot_be_reached_is_a_harness_error(splitbrain: Splitbrain, stores: str, tmp_path: Path) -> None:
    plan_of(tmp_path, "never-ready", expect=["linearizable"])
    done = with_stores(splitbrain, stores, "run", "--plan", "plan.yaml", "--json")
    assert done.returncode == 4, done.stderr
    assert "ready" in json.loads(done.stdout)["problem"]


def test_a_client_that_never_answers_makes_every_operation_indeterminate(
    splitbrain: Splitbrain, stores: str, tmp_path: Path
) -> None:
    plan_of(tmp_path, "never-answers", expect=["linearizable"])
    done = with_stores(splitbrain, stores, "run", "--plan", "plan.yaml", "--json")
    assert done.returncode == 3, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["verdict"] == "inconclusive"
    assert verdict["stats"]["ok"] == 0
    assert verdict["stats"]["info"] > 10


def test_a_store_that_answers_garbage_is_judged_not_crashed_on(
    splitbrain: Splitbrain, stores: str, tmp_path: Path
) -> None:
    plan_of(tmp_path, "answers-garbage", expect=["linearizable"])
    done = with_stores(splitbrain, stores, "run", "--plan", "plan.yaml", "--json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["claims"][0]["anomalies"]


def test_a_client_that_raises_the_unforeseen_is_indeterminate(
    splitbrain: Splitbrain, stores: str, tmp_path: Path
) -> None:
    plan_of(tmp_path, "client-raises", expect=["linearizable"])
    done = with_stores(splitbrain, stores, "run", "--plan", "plan.yaml", "--json")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["stats"]["info"] > 10


def test_a_full_disk_ends_the_run_and_keeps_what_was_recorded(splitbrain: Splitbrain, tmp_path: Path) -> None:
    """The limit on file size stands for the disk: writing past it fails just as on a full one."""
    script = (
        "import resource, runpy, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))\n"
        "sys.argv = ['splitbrain', 'run', 'raft', '--time', '40s', '--seed', '1', '--json']\n"
        "runpy.run_module('harness.cli', run_name='__main__')\n"
    )
    done = subprocess.run(
        [*splitbrain.command()[:1], "-c", script],
        cwd=tmp_path,
        env=splitbrain.environment(PYTHONHASHSEED="0"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    verdict = json.loads(done.stdout)
    assert "could not be written" in verdict["problem"]
    assert splitbrain.json("check", f"{verdict['run']}/history.arrow", "--model", "cas-register")["ops"] > 100


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_at_once_and_keeps_its_history(
    splitbrain: Splitbrain, tmp_path: Path, number: signal.Signals
) -> None:
    running = subprocess.Popen(
        splitbrain.command("run", "raft", "--time", "100000s", "--seed", "1"),
        cwd=tmp_path,
        env=splitbrain.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for_history(tmp_path)
    running.send_signal(number)
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told
    [history] = tmp_path.glob("runs/raft/*/history.arrow")
    assert splitbrain.json("check", str(history), "--model", "cas-register")["ops"] > 10


def test_a_killed_run_leaves_a_readable_history(splitbrain: Splitbrain, tmp_path: Path) -> None:
    running = subprocess.Popen(
        splitbrain.command("run", "raft", "--time", "100000s", "--seed", "1"),
        cwd=tmp_path,
        env=splitbrain.environment(),
    )
    _wait_for_history(tmp_path)
    running.kill()
    running.wait(timeout=30)
    [history] = tmp_path.glob("runs/raft/*/history.arrow")
    assert splitbrain.json("check", str(history), "--model", "cas-register")["ops"] > 10


def _wait_for_history(folder: Path) -> None:
    """Until a run has flushed some of its history."""
    until = time.monotonic() + 60
    while not any(path.stat().st_size > 50_000 for path in folder.glob("runs/raft/*/history.arrow")):
        assert time.monotonic() < until, "nothing was recorded within a minute"
        time.sleep(0.05)
