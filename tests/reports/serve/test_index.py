"""The index knows what is in the folder, whatever is in it, and follows what changes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.serve import facts, index
from reports.serve.facts import RunFacts
from reports.serve.index import Index
from reports.serve.store import RunName, Store
from tests.reports.serve.folders import judged, verdict


def of(root: Path) -> dict[str, RunFacts]:
    """All runs of a folder, by name."""
    known = Index(Store(root))
    try:
        found = known.look(patience_s=20)
        assert found.unread == 0
        return {str(run.name): run for run in found.runs}
    finally:
        known.close()


def test_the_facts_of_a_run(tmp_path: Path) -> None:
    judged(tmp_path, "raft", "20260102T030405-7")
    run = of(tmp_path)["raft/20260102T030405-7"]
    assert (run.verdict, run.target, run.workload, run.seed, run.ops) == ("pass", "raft", "register", "7", 5980)
    assert run.families == ("partition",)
    assert run.began_s == 1767323045
    assert [(claim.id, claim.verdict, claim.share) for claim in run.claims] == [
        ("raft-linearizable", "pass", None),
        ("raft-available", "pass", 0.995),
    ]
    assert run.state(now_s=0) == "pass"


def test_newest_first(tmp_path: Path) -> None:
    for day in (2, 1, 3):
        judged(tmp_path, f"store{day}", f"2026010{day}T000000-1")
    assert [run[:6] for run in of(tmp_path)] == ["store3", "store2", "store1"]


def test_a_run_without_a_verdict_goes_on_or_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "raft" / "20260102T030405-7"
    folder.mkdir(parents=True)
    (folder / "plan.yaml").write_text(
        "target: raft\nworkload: {name: register}\nnemeses: [kill, {name: clock}]\nseed: 9\n"
    )
    run = of(tmp_path)["raft/20260102T030405-7"]
    assert (run.workload, run.families, run.seed) == ("register", ("kill", "clock"), "9")
    written_s = folder.joinpath("plan.yaml").stat().st_mtime
    assert run.state(written_s + 1) == "running"
    assert run.state(written_s + facts.GOING_S_MAX + 1) == "unfinished"


def test_what_changes_is_read_again_and_what_is_gone_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "LOOK_S", 0.0)
    folder = judged(tmp_path, "raft", "20260102T030405-7")
    known = Index(Store(tmp_path))
    try:
        assert [run.verdict for run in known.look(20).runs] == ["pass"]
        (folder / "verdict.json").write_text(json.dumps(verdict(verdict="fail")), encoding="utf-8")
        judged(tmp_path, "etcd", "20260102T030406-7")
        assert [run.verdict for run in known.look(20).runs] == ["pass", "fail"]
        (folder / "verdict.json").unlink()
        folder.rmdir()
        assert [run.target for run in known.look(20).runs] == ["etcd"]
    finally:
        known.close()


BROKEN = {
    "empty": b"",
    "half": b'{"verdict": "pass", "claims": [',
    "list": b"[]",
    "unknown": b'{"verdict": "splendid"}',
    "deep": b"[" * 200_000,
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_verdict_that_is_none_is_listed_with_what_is_wrong(tmp_path: Path, content: bytes) -> None:
    judged(tmp_path, "raft", "20260102T030405-7").joinpath("verdict.json").write_bytes(content)
    run = of(tmp_path)["raft/20260102T030405-7"]
    assert run.verdict == "unreadable"
    assert "verdict.json" in run.problem


def test_a_huge_verdict_is_not_read(tmp_path: Path) -> None:
    folder = judged(tmp_path, "raft", "20260102T030405-7")
    os.truncate(folder / "verdict.json", 100 << 20)
    run = of(tmp_path)["raft/20260102T030405-7"]
    assert (run.verdict, "104,857,600 bytes" in run.problem) == ("unreadable", True)


def test_what_is_no_run_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "raft" / "empty").mkdir(parents=True)
    (tmp_path / "gates").mkdir()
    (tmp_path / "gates" / "claims.json").write_text("{}")
    (tmp_path / "compare-raft.html").write_text("")
    outside = tmp_path / "outside"
    judged(outside, "x", "y")
    (tmp_path / "linked").symlink_to(outside / "x")
    (tmp_path / "raft" / "linked").symlink_to(outside / "x" / "y")
    assert list(of(tmp_path)) == []


def test_a_fifo_in_place_of_a_verdict_holds_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "raft" / "20260102T030405-7"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "verdict.json")
    assert of(tmp_path)["raft/20260102T030405-7"].verdict == "unreadable"


def test_a_plan_of_many_aliases_stays_small(tmp_path: Path) -> None:
    folder = tmp_path / "raft" / "20260102T030405-7"
    folder.mkdir(parents=True)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (folder / "plan.yaml").write_text("\n".join([*lines, "target: *a11", "workload: {name: *a11}", "nemeses: *a11"]))
    run = of(tmp_path)["raft/20260102T030405-7"]
    assert (run.target, run.workload) == ("raft", "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("verdict", "target", "workload", "cluster", "seed", "claims", "faults", "stats", "problem")
CLAIMS = st.lists(
    st.dictionaries(st.sampled_from(("id", "expect", "verdict", "stats", "why")), JSON, max_size=5), max_size=3
)


@settings(max_examples=60, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), claims=CLAIMS)
def test_any_json_gives_facts(tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any], claims: Any) -> None:
    folder = tmp_path_factory.mktemp("run")
    (folder / "verdict.json").write_text(json.dumps(verdict(claims=claims) | changes), encoding="utf-8")
    sign = facts.signature(str(folder))
    assert sign
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        run = facts.read(descriptor, RunName("raft", "x"), sign)
    finally:
        os.close(descriptor)
    assert run.state(0) in facts.STATES
    assert all(len(text) < 500 for text in (run.target, run.workload, run.seed, run.problem))
    assert all(claim.share is None or 0 <= claim.share <= 1 for claim in run.claims)
