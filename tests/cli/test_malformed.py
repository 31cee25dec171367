"""Histories that break a rule, for every model: refused at the offending event, or, if asked for, gone on over and
told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Splitbrain

from harness.cli.check_command import command
from harness.errors import HistoryError, UsageError

Op = tuple[str, Any, Any]
"""Function, what was asked, what was answered."""


@dataclass(frozen=True)
class Model:
    """A model with a history that passes, operations of wrong shape, and one whose value must not come `again`."""

    name: str
    good: Sequence[Op]
    wrong: Sequence[Op] = ()
    again: Op | None = None
    words: Sequence[str] = field(default=())
    knows_any_f: bool = False

    def __str__(self) -> str:
        return "-".join([self.name, *self.words[1:]])


def txn(*micro_ops: Any) -> Op:
    return "txn", list(micro_ops), list(micro_ops)


WRITES: Sequence[Op] = (("write", 1, 1), ("read", None, 1), ("write", 2, 2), ("read", None, 2))
WRONG_CAS: Sequence[Op] = (("cas", 3, 3), ("cas", [1, 2, 3], [1, 2, 3]), ("cas", None, None))
SETS: Sequence[Op] = (("add", 1, 1), ("add", 2, 2), ("read", None, [1, 2]))
QUEUES: Sequence[Op] = (("enqueue", 1, 1), ("enqueue", 2, 2), ("dequeue", None, 1), ("dequeue", None, 2))
WRONG_TXNS: Sequence[Op] = (
    ("txn", 7, 7),
    txn(["r", 1]),
    txn(["push", 1, 2]),
    txn(["append", 1, None]),
    txn(["w", 1, None]),
)
LEVELS = (
    "sequential",
    "causal",
    "pram",
    "monotonic-reads",
    "monotonic-writes",
    "read-your-writes",
    "writes-follow-reads",
)

MODELS: Sequence[Model] = (
    Model("register", WRITES),
    Model("cas-register", WRITES, WRONG_CAS),
    *(Model("register", WRITES, WRONG_CAS, words=("--level", level)) for level in LEVELS),
    Model("staleness", WRITES, WRONG_CAS),
    Model("lost_writes", WRITES, WRONG_CAS),
    Model(
        "multi-register",
        [txn(["w", 1, 1]), txn(["r", 1, 1])],
        [("txn", 7, 7), txn(["r", 1]), txn(["x", 1, 2])],
        knows_any_f=True,
    ),
    Model("kv", [("put", "a", None), ("append", "b", None), ("get", None, "ab")]),
    Model("set", SETS, [("read", None, 7)]),
    Model("counter", [("add", 2, 2), ("read", None, 2)], [("add", "x", "x"), ("read", None, [1])]),
    Model("mutex", [("acquire", None, None), ("release", None, None)]),
    Model("semaphore", [("acquire", None, None), ("release", None, None)]),
    Model("queue", QUEUES),
    Model("priority-queue", QUEUES),
    Model("stack", [("push", 1, 1), ("push", 2, 2), ("pop", None, 2), ("pop", None, 1)]),
    Model(
        "list-append",
        [txn(["append", 1, 1]), txn(["r", 1, [1]])],
        [*WRONG_TXNS, txn(["r", 1, 7])],
        txn(["append", 1, 1]),
    ),
    Model("rw-register", [txn(["w", 1, 1]), txn(["r", 1, 1])], WRONG_TXNS, txn(["w", 1, 1])),
    Model("set-final", SETS, [("read", None, 7), ("read", None, {"a": 1})]),
    Model("set-full", SETS, [("read", None, 7)]),
    Model("total-queue", QUEUES, [("drain", None, 7)]),
    Model("unique-ids", [("generate", None, 1), ("generate", None, 2)]),
    Model("counter-bounds", [("add", 2, 2), ("read", None, 2)], [("add", "x", "x"), ("read", None, [1])]),
    Model(
        "bank",
        [
            ("read", None, {"0": 5, "1": 5}),
            ("transfer", {"from": 0, "to": 1, "amount": 2}, None),
            ("read", None, {"0": 3, "1": 7}),
        ],
        [("read", None, 7), ("read", None, {"0": "x", "1": 5})],
    ),
    Model(
        "long-fork",
        [
            ("write", [["w", 1, 1]], [["w", 1, 1]]),
            ("read", [["r", 1, None], ["r", 2, None]], [["r", 1, 1], ["r", 2, None]]),
        ],
        [("write", 7, 7), ("read", None, [["r", 1]])],
        ("write", [["w", 1, 2]], [["w", 1, 2]]),
    ),
    Model(
        "causal-reverse",
        [("write", 1, 1), ("write", 2, 2), ("read", None, [1, 2])],
        [("read", None, 7)],
        ("write", 1, 1),
    ),
    Model(
        "adya-g2",
        [("insert", [3, [1, None]], [3, [1, None]]), ("insert", [4, [1, None]], [4, [1, None]])],
        [("insert", 7, 7), ("insert", [3, [1, 2]], [3, [1, 2]])],
    ),
    Model(
        "log",
        [("send", [["send", 0, "a"]], [["send", 0, [0, "a"]]]), ("poll", [["poll"]], [["poll", {"0": [[0, "a"]]}]])],
        [("send", 7, 7), ("poll", [["poll"]], [["poll", {"0": [["x"]]}]])],
        ("send", [["send", 0, "a"]], [["send", 0, [1, "a"]]]),
    ),
)


Event = dict[str, Any]


def events(ops: Sequence[Op], process: int = 0) -> list[Event]:
    """Each operation by itself, one after the other."""
    return [
        {"process": process, "type": kind, "f": f, "value": value}
        for f, asked, answered in ops
        for kind, value in (("invoke", asked), ("ok", answered))
    ]


def write(path: Path, rows: Sequence[Event]) -> str:
    timed = [{"time": 10 * place, **event} for place, event in enumerate(rows)]
    path.write_text("".join(json.dumps(event) + "\n" for event in timed))
    return str(path)


@pytest.fixture
def judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """What `check --json` of these events says, or raises."""

    def check(model: Model, rows: Sequence[Event], *words: str) -> Any:
        file = write(tmp_path / "history.jsonl", rows)
        command.main([file, "--model", model.name, *model.words, *words, "--json"], standalone_mode=False)
        return json.loads(capsys.readouterr().out)

    return check


def refusal(judge: Callable[..., Any], model: Model, rows: Sequence[Event]) -> HistoryError:
    with pytest.raises(HistoryError) as refused:
        judge(model, rows)
    assert refused.value.exit_code == 2
    assert "--lenient" in str(refused.value)
    return refused.value


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_the_history_that_is_broken_below_is_good(judge: Callable[..., Any], model: Model) -> None:
    told = judge(model, events(model.good))
    assert told["verdict"] in ("pass", "inconclusive")
    assert told["lenient"] is None
    lenient = judge(model, events(model.good), "--lenient")
    assert lenient["verdict"] == told["verdict"]
    assert lenient["lenient"] == {"strays": 0, "unanswered": 0, "operations": 0, "times_back": 0, "problems": []}
    assert "there was nothing to overlook" in lenient["why"]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_completion_without_an_invocation(judge: Callable[..., Any], model: Model) -> None:
    good = events(model.good)
    rows = [*good, {**good[-1], "process": 7}]
    at = len(good)
    problem = refusal(judge, model, rows)
    assert (problem.event, problem.line) == (at, at + 1)
    assert f"history.jsonl:{at + 1}: event {at}: process 7 completes" in str(problem)
    told = judge(model, rows, "--lenient")
    assert (told["verdict"], told["lenient"]["strays"]) == (judge(model, good)["verdict"], 1)
    assert [problem["event"] for problem in told["lenient"]["problems"]] == [at]
    assert "1 completion without an invocation left out" in told["why"]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_two_open_operations_of_one_process(judge: Callable[..., Any], model: Model) -> None:
    good = events(model.good)
    extra = events(model.good[:1], process=7)
    rows = [*good, extra[0], *extra]
    at = len(good) + 1
    problem = refusal(judge, model, rows)
    assert (problem.event, problem.line) == (at, at + 1)
    assert f"while its operation of event {at - 1} is still open" in str(problem)
    if model.again is None:
        told = judge(model, rows, "--lenient")
        assert told["lenient"]["unanswered"] == 2
        assert told["verdict"] != "fail", "an answer that is forgotten is no proof"


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_times_that_go_backwards(judge: Callable[..., Any], model: Model) -> None:
    rows = [{**event, "time": 10 * place} for place, event in enumerate(events(model.good))]
    rows[2]["time"] = 5
    problem = refusal(judge, model, rows)
    assert (problem.event, problem.line) == (2, 3)
    assert "time goes backwards: 5 ns after 10 ns" in str(problem)
    told = judge(model, rows, "--lenient")
    assert (told["verdict"], told["lenient"]["times_back"]) == (judge(model, events(model.good))["verdict"], 1)
    assert "overruled by the order of events" in told["why"]


@pytest.mark.parametrize("model", [model for model in MODELS if not model.knows_any_f], ids=str)
def test_an_unknown_function(judge: Callable[..., Any], model: Model) -> None:
    good, odd = events(model.good), events([("frobnicate", None, None)] * 150, process=7)
    rows = [*good, *odd]
    problem = refusal(judge, model, rows)
    assert problem.event in (len(good), len(good) + 1)
    assert problem.line == problem.event + 1
    assert f"event {problem.event}: " in str(problem)
    assert '"frobnicate"' in str(problem)
    told = judge(model, rows, "--lenient")
    assert told["lenient"]["operations"] == 150
    assert len(told["lenient"]["problems"]) == 1, "it is told once"
    assert told["verdict"] == judge(model, good)["verdict"]


@pytest.mark.parametrize(
    ("model", "op"),
    [pytest.param(model, op, id=f"{model}-{json.dumps(op)}") for model in MODELS for op in model.wrong],
)
def test_a_value_of_the_wrong_shape(judge: Callable[..., Any], model: Model, op: Op) -> None:
    good = events(model.good)
    rows = [*good, *events([op], process=7)]
    problem = refusal(judge, model, rows)
    assert problem.event in (len(good), len(good) + 1)
    assert problem.line == problem.event + 1
    told = judge(model, rows, "--lenient")
    assert told["lenient"]["operations"] == 1
    assert told["verdict"] == judge(model, good)["verdict"]
    assert "1 operation that does not fit the model left out" in told["why"]


@pytest.mark.parametrize("model", [model for model in MODELS if model.again], ids=str)
def test_a_value_that_must_not_come_twice(judge: Callable[..., Any], model: Model) -> None:
    assert model.again
    good = events(model.good)
    rows = [*good, *events([model.again], process=7)]
    problem = refusal(judge, model, rows)
    assert problem.event in (len(good), len(good) + 1)
    told = judge(model, rows, "--lenient")
    assert (told["verdict"], told["lenient"]["operations"]) == (judge(model, good)["verdict"], 1)


REGISTER = MODELS[0]


def test_a_violation_may_come_from_what_is_left_out(judge: Callable[..., Any]) -> None:
    rows = [*events(WRITES), *events([("write", 3, 3)])[1:], *events([("read", None, 3)])]
    told = judge(REGISTER, rows, "--lenient")
    assert told["verdict"] == "fail"
    assert told["why"].endswith("; the violation may come from what is left out")
    assert told["anomalies"][0]["ops"][-1] == len(rows) - 1, "events keep their numbers"


def test_what_is_no_history_of_the_model_is_refused_even_so(judge: Callable[..., Any]) -> None:
    rows = events([("cas", place, place) for place in range(200)])
    with pytest.raises(HistoryError, match="100 operations before it were left out"):
        judge(MODELS[1], rows, "--lenient")


def test_nothing_left_proves_nothing(judge: Callable[..., Any]) -> None:
    told = judge(REGISTER, events([("frobnicate", None, None)]), "--lenient")
    assert (told["verdict"], told["lenient"]["operations"]) == ("inconclusive", 1)


def test_people_are_told_too(splitbrain: Splitbrain, tmp_path: Path, refused: Callable[..., str]) -> None:
    file = write(tmp_path / "history.jsonl", [*events(WRITES), *events([("frob", 1, 1)], 3), *events(WRITES)[1:2]])
    message = refused(splitbrain("check", file, "--model", "register"), 2)
    assert "history.jsonl:11: event 10: process 0 completes" in message
    assert "--lenient" in message
    done = splitbrain("check", file, "--model", "register", "--lenient")
    assert done.returncode == 0, done.stderr
    assert "lenient: 1 completion without an invocation left out, 1 operation that does not fit" in done.stdout
    assert "overlooked: line 11: process 0 completes" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [(["history.jsonl"], "say what the history is taken for"), (["."], "is not a run")],
)
def test_a_history_needs_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "history.jsonl", events(WRITES))
    with pytest.raises(UsageError, match=message):
        command.main([*words], standalone_mode=False)


def test_a_run_is_judged_on_its_own_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("{target: raft}")
    with pytest.raises(UsageError, match="--lenient needs --model"):
        command.main([str(tmp_path), "--lenient"], standalone_mode=False)
