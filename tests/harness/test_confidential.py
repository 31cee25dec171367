"""What a plan names by a variable of the environment is nowhere in what a run leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.confidential import Confidential
from harness.errors import UsageError
from harness.experiment import admit, resolve
from harness.node import Body, Host, Node, RpcError
from harness.plan import Plan
from harness.run import execute
from harness.target import NodeService
from targets.toy import Toy

SECRET = "hunter2-and-more"


class Talking(Node):
    """Repeats what it must not, wherever it can."""

    def __init__(self, host: Host, *, password: str) -> None:
        super().__init__(host)
        self.password = password

    async def start(self) -> None:
        assert self.password == SECRET
        self.log(f"my password is {self.password}")

    def on_read(self, source: str, body: Body) -> Body:
        return {"type": "read_ok", "value": f"<{self.password}>"}

    def on_write(self, source: str, body: Body) -> Body:
        raise RpcError(11, f"no entry with {self.password}")


def test_references_become_values_and_values_references() -> None:
    plan = {"user": "me", "key": ["${TOKEN}", "a${PASS}b", "${UNSET}"], "port": 7}
    found = Confidential.of(plan, {"TOKEN": "abcdef-more", "PASS": "abcdef", "OTHER": "irrelevant"})
    assert found.reveal(plan) == {"user": "me", "key": ["abcdef-more", "aabcdefb", "${UNSET}"], "port": 7}
    assert found.missing(plan) == ["${UNSET}"]
    assert found.hide({"abcdef": [1, "x abcdef-more y", None]}) == {"${PASS}": [1, "x ${TOKEN} y", None]}
    assert Confidential().hide(plan) is plan
    with pytest.raises(UsageError, match=r"\$\{PASS\} has fewer than 6 characters"):
        Confidential.of(plan, {"PASS": "abc"})


def test_a_plan_is_refused_whose_secret_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPLITBRAIN_TEST_SECRET", raising=False)
    experiment = resolve(Plan.build({"target": "raft", "seed": 1}))
    plan = experiment.plan.model_copy(update={"target": _part(password="${SPLITBRAIN_TEST_SECRET}")})
    with pytest.raises(UsageError, match=r"refers to \$\{SPLITBRAIN_TEST_SECRET\}: not set"):
        admit(replace(experiment, plan=plan))


def test_no_secret_is_in_what_a_run_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLITBRAIN_TEST_SECRET", SECRET)
    plan = Plan.build({"target": "raft", "seed": 1, "time": 3, "settle": 0, "nodes": 1, "expect": ["linearizable"]})
    service = NodeService("test_confidential:Talking", options={"password": SECRET})
    target = Toy("talking", service, ())
    plan_with = plan.model_copy(update={"target": _part(password="${SPLITBRAIN_TEST_SECRET}")})
    outcome = execute(replace(resolve(plan), plan=plan_with, target=target), tmp_path)
    left = [path for path in outcome.folder.path.rglob("*") if path.is_file()]
    assert {"plan.yaml", "history.arrow", "verdict.json", "report.html", "node.log"} <= {path.name for path in left}
    for path in left:
        assert SECRET.encode() not in path.read_bytes(), path
    assert "${SPLITBRAIN_TEST_SECRET}" in outcome.folder.plan.read_text(encoding="utf-8")
    assert "my password is ${SPLITBRAIN_TEST_SECRET}" in (outcome.folder.logs / "n1" / "node.log").read_text()
    assert outcome.history is not None
    said = [str(op.value) + str(op.error) for op in outcome.history]
    assert any("<${SPLITBRAIN_TEST_SECRET}>" in one for one in said)
    assert any("no entry with ${SPLITBRAIN_TEST_SECRET}" in one for one in said)


def test_what_a_plugin_says_of_its_options_hides_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLITBRAIN_TEST_SECRET", SECRET)
    plan = Plan.build({"target": {"name": "etcd", "serializable": "${SPLITBRAIN_TEST_SECRET}"}, "seed": 1})
    with pytest.raises(UsageError) as refused:
        resolve(plan)
    assert SECRET not in str(refused.value) and "${SPLITBRAIN_TEST_SECRET}" in str(refused.value)


def _part(**options: Any) -> Any:
    return Plan.build({"target": {"name": "raft", **options}, "seed": 1}).target
