"""Judging beside the server: one task at a time, bounded in time and in number, ended with the server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.runs import RunFolder
from reports.serve import judging
from reports.serve.judging import Job, Judge
from reports.serve.store import RunName
from tests.reports.serve.folders import whole

NAME = RunName("raft", "20260102T030405-7")


@pytest.fixture
def judge() -> Iterator[Judge]:
    judge = Judge()
    yield judge
    judge.close()


def ended(judge: Judge, kind: str, name: RunName) -> Job:
    """The task, once it has ended."""
    deadline = time.monotonic() + 60
    while (job := judge.job(kind, name)) is None or job.open:
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    return job


def test_a_run_is_judged_and_kept(judge: Judge, tmp_path: Path) -> None:
    folder = whole(tmp_path, NAME.run)
    judge.again(NAME, RunFolder(folder))
    job = ended(judge, "again", NAME)
    kept = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    assert (job.state, job.result) == ("done", kept["verdict"])


def test_what_cannot_be_judged_says_why_and_the_next_is_judged(judge: Judge, tmp_path: Path) -> None:
    other = RunName("raft", "other")
    judge.again(other, RunFolder(tmp_path / "nothing"))
    judge.again(NAME, RunFolder(whole(tmp_path, NAME.run)))
    job = ended(judge, "again", other)
    assert (job.state, "plan.yaml" in str(job.result)) == ("failed", True)
    assert ended(judge, "again", NAME).state == "done"


def test_a_task_has_a_limit_and_its_process_does_not_outlive_it(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(whole(tmp_path, NAME.run))
    monkeypatch.setattr(judging, "AGAIN_S_MAX", 0.0)
    judge.again(NAME, folder)
    job = ended(judge, "again", NAME)
    assert (job.state, job.result) == ("failed", "given up: it took more than 0 s")
    monkeypatch.setattr(judging, "AGAIN_S_MAX", 60.0)
    judge.again(NAME, folder)
    assert ended(judge, "again", NAME).state == "done"


def test_asked_twice_it_is_judged_once_and_no_more_wait_than_may(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path)
    monkeypatch.setattr(judging, "WAITING_MAX", 2)
    for _ in range(5):
        assert judge.again(NAME, folder).name == NAME
    with pytest.raises(UsageError, match="are waiting"):
        for number in range(4):
            judge.again(RunName("raft", str(number)), folder)


def test_what_is_known_so_far_is_not_asked_again_at_once(judge: Judge, tmp_path: Path) -> None:
    folder = RunFolder(whole(tmp_path, NAME.run))
    judge.so_far(NAME, folder)
    first = ended(judge, "so-far", NAME)
    [linearizable, *_] = first.result
    assert linearizable.claim == "linearizable" and linearizable.broken
    assert "thin-air-read" in linearizable.told()  # the run is made up: nobody wrote what it reads
    assert judge.so_far(NAME, folder) is first
    again = judge.so_far(NAME, folder, every_s=0.0)
    assert (again.open, again.result) == (True, first.result)  # what is known stays to be seen meanwhile


def test_a_closed_judge_leaves_nothing_open(tmp_path: Path) -> None:
    judge = Judge()
    judge.again(NAME, RunFolder(whole(tmp_path, NAME.run)))
    time.sleep(0.2)
    judge.close()
    job = judge.job("again", NAME)
    assert job and (not job.open or job.state == "waiting")
