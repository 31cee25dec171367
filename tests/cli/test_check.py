"""`splitbrain check`, for people who only bring a history."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpus
import pytest
from cli.conftest import Splitbrain

REGISTER = (
    (0, "invoke", "write", 1, 0),
    (0, "ok", "write", 1, 10),
    (1, "invoke", "write", 2, 20),
    (1, "ok", "write", 2, 30),
    (2, "invoke", "read", None, 40),
    (2, "ok", "read", 1, 50),
)
"""A stale read: no register is linearizable that does this, but one can be sequentially consistent."""

QUEUE = (
    (0, "invoke", "enqueue", 1, 0),
    (0, "ok", "enqueue", 1, 10),
    (0, "invoke", "enqueue", 2, 20),
    (0, "ok", "enqueue", 2, 30),
    (1, "invoke", "dequeue", None, 40),
    (1, "ok", "dequeue", 2, 50),
)


def write(path: Path, events: tuple[tuple[Any, ...], ...]) -> str:
    names = ("process", "type", "f", "value", "time")
    path.write_text("".join(json.dumps(dict(zip(names, event, strict=True))) + "\n" for event in events))
    return str(path)


def test_the_published_histories_of_etcd_get_their_verdicts(splitbrain: Splitbrain) -> None:
    folder = corpus.require("etcd-register")
    expected = json.loads((folder / "expected.json").read_text())
    for name in sorted(expected)[::6]:
        told = splitbrain.json("check", str(folder / name), "--model", "cas-register")
        assert told["verdict"] == ("pass" if expected[name]["linearizable"] else "fail"), name
        assert bool(told["anomalies"]) is not expected[name]["linearizable"]
        assert set(told) >= {"verdict", "model", "ops", "seconds", "anomalies"}


@pytest.mark.parametrize(
    ("level", "verdict"),
    [
        ("linearizable", "fail"),
        ("sequential", "pass"),
        ("causal", "pass"),
        ("pram", "pass"),
        ("monotonic-reads", "pass"),
    ],
)
def test_a_level_says_how_strong(splitbrain: Splitbrain, tmp_path: Path, level: str, verdict: str) -> None:
    file = write(tmp_path / "history.jsonl", REGISTER)
    assert splitbrain.json("check", file, "--model", "register", "--level", level)["verdict"] == verdict


def test_other_data_types_are_judged(splitbrain: Splitbrain, tmp_path: Path) -> None:
    file = write(tmp_path / "history.jsonl", QUEUE)
    told = splitbrain.json("check", file, "--model", "queue")
    assert told["verdict"] == "fail"
    assert told["anomalies"][0]["ops"]


INDEPENDENT = (
    (0, "invoke", "write", ["x", 1], 0),
    (0, "ok", "write", ["x", 1], 10),
    (1, "invoke", "read", ["x", None], 20),
    (1, "ok", "read", ["x", 1], 30),
)


def test_tuples_of_independent_keys_are_taken_apart(splitbrain: Splitbrain, tmp_path: Path) -> None:
    file = write(tmp_path / "history.jsonl", INDEPENDENT)
    told = splitbrain("check", file, "--model", "register")
    assert (told.returncode, "a key and a value: 1 independent keys" in told.stdout) == (0, True)
    as_they_are = splitbrain.json("check", file, "--model", "register", "--no-independent")
    assert (as_they_are["verdict"], as_they_are["independent"]) == ("pass", False)
    assert splitbrain.json("check", file, "--model", "register", "--independent")["independent"]


def test_transactions_are_judged_at_a_level(splitbrain: Splitbrain, tmp_path: Path) -> None:
    (tmp_path / "history.edn").write_text(
        "{:process 0 :type :invoke :f :txn :value [[:append 1 1] [:append 1 2]]}\n"
        "{:process 1 :type :invoke :f :txn :value [[:r 1 nil]]}\n"
        "{:process 0 :type :ok :f :txn :value [[:append 1 1] [:append 1 2]]}\n"
        "{:process 1 :type :ok :f :txn :value [[:r 1 [1]]]}\n"
    )
    for level, verdict in (("read-uncommitted", "pass"), ("read-committed", "fail"), ("strict-serializable", "fail")):
        told = splitbrain.json("check", "history.edn", "--model", "list-append", "--level", level)
        assert told["verdict"] == verdict, level


MODEL = """
from checkers.model import ILLEGAL, UNKNOWN

class Latch:
    '''Once it is set it stays so.'''
    initial = False
    reads = ("look",)

    def step(self, state, f, argument, result):
        if f == "set":
            return True
        return state if result in (state, UNKNOWN) else ILLEGAL
"""


def test_a_model_of_ones_own_is_judged(splitbrain: Splitbrain, tmp_path: Path) -> None:
    (tmp_path / "latches.py").write_text(MODEL)
    events = (
        (0, "invoke", "set", None, 0),
        (0, "ok", "set", None, 10),
        (1, "invoke", "look", None, 20),
        (1, "ok", "look", False, 30),
    )
    file = write(tmp_path / "history.jsonl", events)
    path = f"{tmp_path}:{splitbrain.environment()['PYTHONPATH']}"
    done = splitbrain("check", file, "--model", "latches:Latch", "--json", PYTHONPATH=path)
    assert json.loads(done.stdout)["verdict"] == "fail", done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "nonsense"], "there is no model 'nonsense'"),
        (["--model", "register", "--level", "nonsense"], "choose one of linearizable, sequential"),
        (["--model", "queue", "--level", "causal"], "register and cas-register only"),
        (["--model", "list-append", "--level", "nonsense"], "there is no level 'nonsense'"),
        (["--model", "register", "--option", "nonsense"], "write NAME=VALUE"),
        (["--model", "register", "--option", "nonsense=1"], "nonsense"),
        (["--model", "nowhere:Nothing"], "nowhere"),
        (["--model", "register", "--budget", "soon"], "--budget"),
    ],
)
def test_a_wrong_question_is_a_usage_error(
    splitbrain: Splitbrain, refused: Callable[..., str], tmp_path: Path, words: list[str], message: str
) -> None:
    file = write(tmp_path / "history.jsonl", REGISTER)
    assert message in refused(splitbrain("check", file, *words), 2)


def test_a_history_that_breaks_the_rules_is_refused_at_its_line(
    splitbrain: Splitbrain, refused: Callable[..., str], tmp_path: Path
) -> None:
    events = (REGISTER[0], (0, "invoke", "write", 7, 5), *REGISTER[1:])
    file = write(tmp_path / "history.jsonl", events)
    message = refused(splitbrain("check", file, "--model", "register"), 2)
    assert "history.jsonl:2" in message


def test_a_page_is_written_where_it_is_asked_for(splitbrain: Splitbrain, tmp_path: Path) -> None:
    file = write(tmp_path / "history.jsonl", REGISTER)
    done = splitbrain("check", file, "--model", "register", "--report", "out.html")
    assert done.returncode == 1, done.stderr
    assert "out.html" in done.stdout
    page = (tmp_path / "out.html").read_text()
    assert "The history is not linearizable register" in page
    assert "history.jsonl" in page


def test_a_page_that_cannot_be_written_is_told(
    splitbrain: Splitbrain, refused: Callable[..., str], tmp_path: Path
) -> None:
    file = write(tmp_path / "history.jsonl", REGISTER)
    done = splitbrain("check", file, "--model", "register", "--report", "nowhere/out.html")
    assert "cannot write nowhere/out.html" in refused(done, 4)


def test_anomalies_carry_their_cycle(splitbrain: Splitbrain, tmp_path: Path) -> None:
    pair = ([["append", "x", 1], ["append", "x", 2]], [["r", "x", [1]]])
    events = [(at, kind, "txn", value, 10 * at) for at, value in enumerate(pair) for kind in ("invoke", "ok")]
    late = (2, "txn", [["r", "x", [1, 2]]])
    events += [(late[0], kind, late[1], late[2], 90) for kind in ("invoke", "ok")]
    told = splitbrain.json("check", write(tmp_path / "history.jsonl", tuple(events)), "--model", "list-append")
    cycles = [anomaly["details"]["cycle"] for anomaly in told["anomalies"] if anomaly["details"]]
    assert {step["kind"] for cycle in cycles for step in cycle} >= {"rw", "wr"}


def test_the_help_names_every_model_and_level(splitbrain: Splitbrain) -> None:
    from checkers.linearizable import OBJECTS, REGISTERS
    from harness import plugins

    told = splitbrain("check", "--help").stdout
    run_alone = {"availability", "contained", "recovers", "converges", "stats"}
    for name in {*OBJECTS, *REGISTERS, *plugins.names("checkers")} - run_alone:
        assert name in told, name


FLOWS = (
    (0, "invoke", "write", 1, 0, "sound/x"),
    (0, "ok", "write", 1, 10, "sound/x"),
    *((process, type, f, value, 20 + time, "stale/x") for process, type, f, value, time in REGISTER),
    (0, "invoke", "write", 9, 90, "sound/x"),
    (0, "ok", "write", 9, 95, "sound/x"),
)
"""Two flows, of which only the second is not linearizable; its events are not where they are in it alone."""


def flowing(path: Path) -> str:
    names = ("process", "type", "f", "value", "time", "key")
    path.write_text("".join(json.dumps(dict(zip(names, event, strict=True))) + "\n" for event in FLOWS))
    return str(path)


def test_one_flow_of_a_history_is_judged_alone(splitbrain: Splitbrain, tmp_path: Path) -> None:
    words = ("check", flowing(tmp_path / "h.jsonl"), "--model", "register")
    sound, stale, both = (splitbrain.json(*words, *more) for more in (("--flow", "sound"), ("--flow", "stale"), ()))
    assert [(one["flow"], one["verdict"], one["ops"]) for one in (sound, stale, both)] == [
        ("sound", "pass", 2),
        ("stale", "fail", 3),
        (None, "fail", 5),
    ]
    assert stale["anomalies"][0]["ops"] == both["anomalies"][0]["ops"], "a proof names events of the file"
    page = tmp_path / "page.html"
    told = splitbrain(*words, "--flow", "stale", "--report", str(page)).stdout
    assert "only the flow stale was judged" in told
    assert " ok     read   1" in told, "and they are shown as they are there"
    assert "flow stale" in page.read_text()


def test_a_flow_that_is_not_there_is_refused_with_those_that_are(
    splitbrain: Splitbrain, tmp_path: Path, refused: Callable[[Any, int], str]
) -> None:
    file = flowing(tmp_path / "h.jsonl")
    assert "the flows here are 'sound', 'stale'" in refused(
        splitbrain("check", file, "--model", "register", "--flow", "x"), 2
    )
