"""Kept answers of gates, whatever is in the files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.serve import gates
from reports.serve.facts import STATES
from reports.serve.store import Missing, RunName, Store
from tests.reports.answers import answer, case
from tests.reports.serve.folders import judged
from tests.reports.serve.test_index import JSON


def kept(root: Path, content: Any, name: str = "claims") -> Store:
    (root / "gates").mkdir(exist_ok=True)
    (root / "gates" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return Store(root)


def test_a_real_answer_is_read_whole(tmp_path: Path) -> None:
    document = answer(case(), case("fail", name="broken"), case("inconclusive", name="unsure"))
    gate = gates.one(kept(tmp_path, document), "claims")
    assert (gate.verdict, gate.runs, gate.problem) == (document["verdict"], document["runs"], "")
    assert {case.name for case in gate.cases} == {one["name"] for one in document["cases"]}
    assert [one.verdict for one in gate.cases] == ["fail", "inconclusive", "pass"]
    [broken] = [one.shown for one in gate.cases if one.shown]
    told = document["cases"][1]["shown"]
    assert (broken.message, list(broken.witness), broken.run) == (told["message"], told["witness"], None)


def test_a_violation_leads_to_its_run_only_where_that_was_kept(tmp_path: Path) -> None:
    judged(tmp_path, "raft", "one")
    for run, expected in (("runs/raft/one", RunName("raft", "one")), ("runs/raft/two", None), ("../../etc", None)):
        broken = {"name": "x", "verdict": "fail", "shown": {"run": run}}
        [found] = gates.one(kept(tmp_path, {"verdict": "fail", "cases": [broken]}), "claims").cases
        assert found.shown and found.shown.run == expected


def test_the_latest_is_first_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    for age_s, name in enumerate(("new", "old", "oldest")):
        kept(tmp_path, {"verdict": "pass"}, name)
        os.utime(tmp_path / "gates" / f"{name}.json", (1e9 - age_s, 1e9 - age_s))
    (tmp_path / "gates" / "folder.json").mkdir()
    (tmp_path / "gates" / "notes.txt").write_text("")
    assert [gate.name for gate in gates.every(Store(tmp_path))] == ["new", "old", "oldest"]
    with pytest.raises(Missing):
        gates.one(Store(tmp_path), "folder")
    assert gates.every(Store(tmp_path / "nowhere")) == []


CASE = st.dictionaries(
    st.sampled_from(("name", "verdict", "nemeses", "runs", "shown", "known", "why")), JSON, max_size=7
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CASE | JSON, max_size=3) | JSON, st.dictionaries(st.sampled_from(("file", "runs", "seconds")), JSON))
def test_any_json_gives_an_answer(tmp_path_factory: pytest.TempPathFactory, cases: Any, fields: dict[str, Any]) -> None:
    store = kept(tmp_path_factory.mktemp("runs"), {"verdict": "fail", "cases": cases} | fields)
    gate = gates.one(store, "claims")
    assert gate.runs >= 0 and gate.seconds >= 0
    assert all(case.verdict in STATES for case in gate.cases)
