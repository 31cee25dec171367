"""Campaigns as the server tells them: what was found, what is kept of it, how it went, whatever is in the record."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.campaign.record import FILE, FOLDER, Failure, Recorder, Run
from reports.serve import campaign_chart
from reports.serve.campaigns import Campaigns
from reports.serve.store import Missing, RunName, Store
from tests.harness.campaign.runs import ERROR, FAIL, UNSURE, ran
from tests.reports.serve.folders import Server, judged
from tests.reports.serve.test_hostile_folders import harmless
from tests.reports.test_html import HOSTILE

OTHER = (Failure("held", "lost-update", "an update was lost", "0" * 32),)


def recorded(root: Path, name: str, *calls: list[Run]) -> Path:
    with Recorder(root, name) as recorder:
        for place, runs in enumerate(calls):
            recorder.append({"call": {"at_s": 1.7e9 + place, "targets": ["raft"], "from_seed": 1, "bounds": {}}})
            for run in runs:
                recorder.append({"run": run.to_json()})
    return recorder.path


def test_calls_and_failures_are_told(tmp_path: Path) -> None:
    kept = ran(2, FAIL)
    judged(tmp_path, "raft", kept.folder.split("/")[1])
    first = [ran(1), kept, ran(3, FAIL, failures=OTHER), ran(4, UNSURE)]
    recorded(tmp_path, "x", first, [ran(5), ran(6, UNSURE)], [ran(7, FAIL), ran(8, ERROR, claims={})])
    campaigns = Campaigns(Store(tmp_path))
    campaign = campaigns.one("x")
    assert (campaign.verdict, campaign.targets, campaign.distinct, campaign.open) == ("fail", "raft", 2, 1)
    assert [(call.verdict, call.runs, call.distinct, call.new) for call in campaign.calls] == [
        ("fail", 2, 1, 0),
        ("pass", 2, 0, 0),
        ("fail", 4, 2, 2),
    ]
    stale, lost = campaigns.failures(campaign)
    name = RunName("raft", kept.folder.split("/")[1])
    assert (stale.told["times"], stale.smallest, stale.kept) == (2, name, [name])
    assert (lost.told["anomaly"], lost.smallest, lost.kept) == ("lost-update", None, [])


def test_a_record_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    recorded(tmp_path, "x", [ran(1)])
    campaigns = Campaigns(Store(tmp_path))
    before = campaigns.one("x")
    assert campaigns.one("x") is before
    recorded(tmp_path, "x", [ran(2)])
    assert len(campaigns.one("x").record.runs) == 2


def test_the_latest_is_first_and_what_is_none_says_so(tmp_path: Path) -> None:
    for age_s, name in enumerate(("new", "old")):
        os.utime(recorded(tmp_path, name, [ran(1)]), (1e9 - age_s, 1e9 - age_s))
    for name, content in (("other", '{"format": 9, "campaign": "x"}\n'), ("empty", ""), ("notes", "hello\n")):
        (tmp_path / FOLDER / name).mkdir()
        (tmp_path / FOLDER / name / FILE).write_text(content)
        os.utime(tmp_path / FOLDER / name / FILE, (1e8, 1e8))
    (tmp_path / FOLDER / "nothing").mkdir()
    campaigns = Campaigns(Store(tmp_path))
    found = campaigns.every()
    assert [one.name for one in found][:2] == ["new", "old"]
    problems = {one.name: one.problem for one in found if one.problem}
    assert set(problems) == {"other", "empty", "notes"}
    assert "has format 9" in problems["other"]
    with pytest.raises(Missing):
        campaigns.one("nothing")
    assert Campaigns(Store(tmp_path / "nowhere")).every() == []


def test_what_is_behind_a_link_is_no_record(tmp_path: Path) -> None:
    recorded(tmp_path / "elsewhere", "x", [ran(1)])
    (tmp_path / FOLDER / "x").mkdir(parents=True)
    (tmp_path / FOLDER / "x" / FILE).symlink_to(tmp_path / "elsewhere" / FOLDER / "x" / FILE)
    os.mkfifo(tmp_path / FOLDER / "pipe")
    assert Campaigns(Store(tmp_path)).every() == []


@pytest.mark.parametrize("number", [0, 1, 59, 60, 61, 1000])
def test_no_run_is_left_out_of_the_chart(number: int) -> None:
    runs = [ran(seed, FAIL if seed % 7 == 3 else UNSURE if seed % 5 == 1 else ran().verdict) for seed in range(number)]
    bars = campaign_chart.bars(runs)
    assert len(bars) <= campaign_chart.BARS_MAX
    assert sum(bar.count.total() for bar in bars) == number
    assert sum(bar.new for bar in bars) == (1 if number > 3 else 0)
    svg = campaign_chart.over_time(runs)
    assert svg.count("mark-new") == (1 if number > 3 else 0)
    assert svg.count("mark-fail") == sum(bar.count["fail"] > 0 for bar in bars)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("runs")
    judged(root, "raft", ran(2, FAIL).folder.split("/")[1])
    recorded(root, "nightly", [ran(1), ran(2, FAIL), ran(3, UNSURE)], [ran(4, FAIL), ran(5, ERROR)])
    for number, text in enumerate(one[:1500] for one in HOSTILE):
        failure = Failure(text, text, text, text[:200])
        fields = dict.fromkeys(("target", "workload", "problem", "folder", "command"), text)
        evil = ran(1, FAIL, failures=(failure,), claims={text: FAIL}, limits={text: True}, nemeses=(text,), **fields)
        recorded(root, f"evil{number}", [evil])
    with Server(root) as server:
        yield server


def test_the_list_and_a_page(server: Server) -> None:
    listed = server.get("/campaigns").page
    assert "nightly" in listed.one("table").text
    page = server.get("/campaigns/nightly").page
    assert "seed 2 read an old value" in page.text
    assert "violated in 2 of 5 runs" in page.text
    assert page.all("a", class_="button", href="/runs/raft/20260101T000000-2")
    assert server.get("/campaigns/none").status == server.get("/campaigns/..%2fgates").status == 404


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_values_are_text(server: Server, number: int) -> None:
    page = harmless(server.get(f"/campaigns/evil{number}"))
    assert page.all("article", class_="found")
    harmless(server.get("/campaigns"))


def test_records_of_any_json_are_shown(tmp_path: Path) -> None:
    path = recorded(tmp_path, "x", [ran(1)])
    with path.open("a") as record:
        for value in (7, None, [], {"run": []}, {"run": {"seed": 1}}, {"call": 3}):
            record.write(json.dumps(value) + "\n")
    campaign = Campaigns(Store(tmp_path)).one("x")
    assert campaign.told is not None
    assert (campaign.told["torn"], len(campaign.record.runs)) == (6, 1)
