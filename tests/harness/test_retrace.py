"""A failed run is repeated to hear its messages; nothing else is, and nothing is kept that is not of that run."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from harness import run as runs
from harness.checker import Anomaly
from harness.experiment import Experiment, resolve
from harness.plan import Part, Plan
from harness.retrace import retrace
from harness.run import Outcome, execute


def experiment(target: str, **fields: Any) -> Experiment:
    given = {"target": target, "seed": 4, "time": 4, "settle": 1, "nodes": 3, "concurrency": 4}
    return resolve(Plan.build(given | {"nemeses": [{"partition": {"interval": 1}}]} | fields))


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return execute(experiment("multi-leader", expect=["linearizable"]), tmp_path_factory.mktemp("runs"))


def messages(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outcome.folder.messages.read_text(encoding="utf-8").splitlines()]


def test_the_messages_of_a_failed_run_tell_which_process_asked_whom(failed: Outcome) -> None:
    assert failed.history is not None
    first, scene, *rest = messages(failed)
    assert first == {"format": 1}
    anomaly = failed.claims[0].anomalies[0]
    assert (scene["type"], scene["key"], scene["ops"]) == (anomaly.type, anomaly.key, list(anomaly.ops))
    mine = [one for one in rest if one["scene"] == 0 and "source" in one]
    invoked = {(op.time, op.process, op.node) for op in failed.history if op.type == 0}
    asked = [one for one in mine if one["source"].startswith("c") and one["process"] is not None]
    assert asked and all((one["sent_ns"], one["process"], one["dest"]) in invoked for one in asked)


def test_every_operation_of_the_violation_is_asked_and_answered_there(failed: Outcome) -> None:
    assert failed.history is not None
    mine = [one for one in messages(failed)[1:] if one["scene"] == 0 and "source" in one]
    heard = {(one["sent_ns"], one["process"]) for one in mine}
    rows = {failed.history.invocation(index) or index for index in failed.claims[0].anomalies[0].ops}
    for row in rows:
        if failed.history[row].type == 0:
            assert (failed.history[row].time, failed.history[row].process) in heard


def test_twice_the_same_is_kept(failed: Outcome) -> None:
    assert failed.history is not None
    again = retrace(failed.experiment, failed.history, failed.claims, "another-name", limit_s=60)
    assert "".join(again) == failed.folder.messages.read_text(encoding="utf-8")


def test_a_run_that_passes_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "retrace", lambda *_, **__: pytest.fail("a run was repeated that had not failed"))
    outcome = execute(experiment("raft", expect=["linearizable"]), tmp_path)
    assert outcome.verdict == "pass" and not outcome.folder.messages.exists()


def test_nothing_is_kept_of_a_repetition_that_took_another_course(failed: Outcome) -> None:
    assert failed.history is not None
    plan = failed.experiment.plan.model_copy(update={"seed": 5})
    other = dataclasses.replace(failed.experiment, plan=plan)
    [only] = retrace(other, failed.history, failed.claims, "x", limit_s=60)
    assert json.loads(only)["why"] == "repeated, the run took another course: what was said in it is not known"


def test_it_is_said_why_a_run_could_not_be_repeated(failed: Outcome) -> None:
    assert failed.history is not None
    plan = failed.experiment.plan.model_copy(update={"target": Part(name="gone")})
    [only] = retrace(dataclasses.replace(failed.experiment, plan=plan), failed.history, failed.claims, "x", limit_s=60)
    assert "the run could not be repeated: no target is called 'gone'" in json.loads(only)["why"]


def test_a_repetition_that_takes_too_long_is_given_up(failed: Outcome) -> None:
    assert failed.history is not None
    [only] = retrace(failed.experiment, failed.history, failed.claims, "x", limit_s=0)
    assert json.loads(only)["why"] == "repeating the run was given up after 0 s"


def test_a_violation_without_operations_needs_no_repetition(failed: Outcome) -> None:
    assert failed.history is not None
    bare = dataclasses.replace(failed.claims[0], anomalies=(Anomaly("x", "y"),))
    assert retrace(failed.experiment, failed.history, [bare], "x", limit_s=60) == []


def test_a_run_that_was_stopped_at_its_first_violation_is_repeated_to_there(tmp_path: Path) -> None:
    outcome = execute(experiment("multi-leader", expect=["linearizable"], stop_on_violation=True), tmp_path)
    assert len(messages(outcome)) > 10
