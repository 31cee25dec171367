"""A hostile target commands nobody: not the controller's shell, terminal, files or browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stages import STAGES, options

from harness.cli import show
from harness.experiment import resolve
from harness.history import History
from harness.plan import Plan
from harness.run import execute
from harness.target import NodeService
from targets.toy import Toy
from tests.reports.markup import parse

LOG_BYTES_MAX = 64 << 20


@pytest.mark.parametrize(
    "cluster", [pytest.param(name, marks=[getattr(pytest.mark, name)] if name != "sim" else []) for name in STAGES]
)
def test_a_hostile_target_commands_nobody(
    cluster: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with options(cluster, 3) as given:
        _commands_nobody({"name": cluster, **given}, tmp_path, capsys, monkeypatch)


def _commands_nobody(
    cluster: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    service = NodeService("hostile:Hostile", packages=("hostile",), options={"canary": str(canary)})
    plan = Plan.build(
        {
            "target": "raft",
            "cluster": cluster,
            "nodes": 3,
            "time": 4,
            "settle": 0,
            "workload": {"name": "register", "keys": 2, "rate": 30},
            "nemeses": [{"name": "kill", "interval": "2s"}],
            "expect": ["linearizable", {"lost_writes": 0}],
            "seed": 5,
        }
    )
    experiment = replace(resolve(plan), target=Toy("hostile", service, ()))
    outcome = execute(experiment, tmp_path / "runs")
    show.outcome(outcome)

    said = capsys.readouterr()
    assert not any(char in said.out + said.err for char in "\x1b\x07\r\u202e")
    assert len(said.out) < 20_000, "a huge answer hides the rest"
    assert not canary.exists() and list(elsewhere.iterdir()) == []
    assert {entry.name for entry in tmp_path.iterdir()} == {"runs", "elsewhere"}
    assert outcome.history is not None and len(History.read(outcome.folder.history)) > 20
    assert Plan.build({}, outcome.folder.plan) == plan

    page = parse(outcome.folder.report.read_text(encoding="utf-8"))
    assert "taken" not in "".join(script.text for script in page.all("script"))
    assert not page.all("img") and outcome.folder.report.stat().st_size < 5 << 20

    for node in plan.node_names:
        logs = outcome.folder.logs / node
        for entry in logs.iterdir():
            assert entry.is_file() and not entry.is_symlink() and entry.name.isprintable(), entry
            assert entry.stat().st_size <= LOG_BYTES_MAX
            assert b"root:" not in entry.read_bytes()[:1000], "a link was followed"
        assert (logs / "node.log").stat().st_size > 1000, "traps must not cost the log"
        assert (
            cluster["name"] not in ("process", "ssh")
            or (logs / "zzz.log").read_text(encoding="ascii") == "an honest one"
        )
