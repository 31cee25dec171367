"""The report of a run, as a tree: what stands in it, and that nothing else does."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.checker import Anomaly
from harness.errors import RecordingError, UsageError
from harness.operation import Operation, Type
from harness.verdict import Verdict
from reports.data import ClaimRecord, FaultRecord, NodeEvidence, RunData
from reports.html import report, save, write_report
from reports.series import BUCKETS_MAX
from tests.reports.markup import Element, parse
from tests.reports.synthetic import covered, failing, fault, history, passing, run_data, write_run

HOSTILE = (
    "</script><script>document.title='taken'</script>",
    "<img src=x onerror=alert(1)>",
    "\"' onmouseover='alert(1)' x=\"",
    "</td></table></title></style></svg><h1>fake verdict</h1>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "\u202egnorw si siht\u2066",
    "nul\x00 bell\x07 del\x7f lone\ud800",
    "&lt;b&gt; &amp;",
    "x" * 1_000_000,
)


@pytest.fixture(scope="module")
def passed() -> Element:
    return parse(report(passing()))


@pytest.fixture(scope="module")
def failed() -> Element:
    return parse(report(failing()))


def headings(page: Element) -> list[str]:
    return [one.text.strip() for one in page if one.name in ("h1", "h2")]


def test_a_passing_run_says_so_and_shows_its_evidence(passed: Element) -> None:
    assert passed.one("h1").text == "raft kept all 3 promises"
    assert headings(passed)[1:] == [
        "Run it again",
        "Promises",
        "What happened over time",
        "Every operation",
        "Faults",
        "Answered, node by node",
        "Operations",
        "The run",
    ]
    assert passed.all("article", class_="claim-pass") and not passed.all("article", class_="violation")
    [first] = [one for one in passed.all("article") if "raft-linearizable" in one.text]
    assert "6 of 6 faults applied, 1,326 ok of 1,860 operations inside" in first.text


def test_a_failing_run_shows_the_violation_before_all_else(failed: Element) -> None:
    assert failed.one("h1").text == "multi-leader broke 1 of 3 promises"
    assert headings(failed)[2] == "The violation"
    violation = failed.one("article", class_="violation")
    assert "had already been told ok for its write of 57" in violation.text
    assert "In force at the time: partition-2 (n1, n5 | n2, n3, n4)." in " ".join(violation.text.split())
    lanes = violation.one("table", class_="lanes")
    assert [" ".join(head.text.split()) for head in lanes.all("th", scope="col")] == [
        "Time", "process 100001 on n1", "process 100000 on n1", "process 100008 on n4", "process 100003 on n4",
    ]  # fmt: skip
    assert len(lanes.one("tbody").all("tr")) == 8
    assert [one.text for one in lanes.all("p", class_="answer")][2] == "↳ ok: 41"


def test_an_inconclusive_claim_says_what_is_missing(failed: Element) -> None:
    claim = failed.one("article", class_="claim-inconclusive")
    assert "Not covered: no kill was injected" in " ".join(claim.text.split())


def test_the_command_that_repeats_the_run_is_plain_text(passed: Element) -> None:
    command = passed.one("div", class_="command")
    assert command.one("code").text == "splitbrain run raft --nemesis partition,kill,pause,clock --time 60s --seed 7"
    assert "hidden" in command.one("button").attributes


def test_every_fault_is_listed_with_its_evidence(passed: Element) -> None:
    rows = passed.one("section", id="faults").one("tbody").all("tr")
    run = passing()
    assert [row.attributes["id"] for row in rows] == [
        one.anchor for one in sorted(run.faults, key=lambda one: one.start_ns)
    ]
    skipped = next(row for row in rows if row.attributes["id"] == "fault-partition-3")
    assert "skipped" in skipped.text and "n5 was down" in skipped.text
    applied = next(row for row in rows if row.attributes["id"] == "fault-partition-1")
    assert "dropped_messages 812" in " ".join(applied.text.split())


def test_every_chart_has_a_name_a_description_and_its_numbers(passed: Element) -> None:
    plots = passed.one("section", id="time").all("figure")
    assert [plot.attributes["id"] for plot in plots] == [
        "figure-lanes", "figure-throughput", "figure-latency", "figure-service", "figure-clocks",
    ]  # fmt: skip
    for plot in plots:
        [chart] = [one for one in plot.all("svg", class_="chart") if one.attributes["role"] in ("img", "group")]
        assert (chart.attributes["role"] == "group") == bool(chart.all("a"))
        name, description = chart.attributes["aria-labelledby"], chart.attributes["aria-describedby"]
        assert chart.one("title", id=str(name)).text and chart.one("desc", id=str(description)).text
    for plot in plots[1:]:
        rows = plot.one("details").one("tbody").all("tr")
        assert (1 if plot is plots[-1] else 20) <= len(rows) <= BUCKETS_MAX
        assert len({len(row.all("td")) for row in rows}) == 1
    throughput = plots[1].one("details").one("tbody")
    total = sum(int(cell.text) for row in throughput.all("tr") for cell in row.all("td")[1:])
    assert f"{total:,}" in passed.one("dl", class_="tiles").text


def test_references_within_the_page_lead_somewhere(passed: Element, failed: Element) -> None:
    for page in (passed, failed):
        ids = [str(one.attributes["id"]) for one in page if "id" in one.attributes]
        assert len(ids) == len(set(ids))
        targets = [str(one.attributes["href"]) for one in page.all("a")]
        assert targets and {target[1:] for target in targets} <= set(ids)
        for one in page:
            for name in ("aria-labelledby", "aria-describedby", "fill"):
                for found in re.findall(r"url\(#(.+?)\)|^([\w-]+)$", one.attributes.get(name) or ""):
                    assert found[0] in ids if found[0] else name == "fill" or found[1] in ids


def test_tables_and_figures_can_be_read_aloud(passed: Element) -> None:
    assert passed.one("html").attributes["lang"] == "en"
    for table in passed.all("table"):
        assert all(cell.attributes.get("scope") for cell in table.all("th"))
    for region in passed.all("div", class_="scroll"):
        assert region.attributes["tabindex"] == "0" and (
            region.attributes.get("aria-label") or region.attributes.get("aria-labelledby")
        )
    levels = [int(one.name[1]) for one in passed if re.fullmatch("h[1-6]", one.name)]
    assert levels[0] == 1 and all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_the_script_is_small_and_makes_no_code() -> None:
    [script] = [one.text for one in parse(report(failing())).all("script") if not one.attributes]
    assert len(script.encode()) < 40 * 1024
    assert not re.search(
        r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|setAttribute\(.on", script
    )
    assert not re.search(r"\bfetch\b|XMLHttpRequest|WebSocket|import\(|https?:", script)


def test_nothing_is_loaded_from_anywhere() -> None:
    page = report(failing())
    tree = parse(page)
    assert not [one for one in tree if one.name in ("img", "iframe", "object", "embed", "form", "base")]
    assert [one.attributes["href"] for one in tree.all("link")] == ["data:,"]
    assert not [one for one in tree if {"src", "style", "srcset", "action", "xlink:href"} & one.attributes.keys()]
    assert "http://" not in page.replace("http-equiv", "") and "https://" not in page
    policy = tree.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"] or ""
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy


def hostile_run(evil: str) -> RunData:
    """Everything that a target, a plugin or a user may put into a run, at once."""
    said = evil.replace("\ud800", "\ufffd")  # a history is UTF-8: no client can put a lone surrogate into it
    events = [
        Operation(said, said, said, 0, Type.INVOKE, 1_000, said),
        Operation(said, said, said, 0, Type.OK, 2_000, said),
        Operation("read", said, None, 1, Type.INVOKE, 2_500, "n1"),
        Operation("read", said, None, 1, Type.FAIL, 3_000, "n1", {said: [said]}),
        Operation("read", said, None, 2, Type.INVOKE, 3_500, "n2"),
        Operation("read", said, None, 2, Type.INFO, 4_000, "n2", said),
    ]
    made = history(events)
    anomaly = Anomaly(evil, evil, tuple(range(len(made))), evil, {evil: evil})
    evidence = NodeEvidence("applied", {evil: evil}, evil)
    faults: list[FaultRecord] = [
        fault(
            1,
            evil,
            0,
            1,
            [evil],
            id=evil,
            draw={evil: evil},
            why=evil,
            nodes={evil: evidence},
        ),
        fault(2, "kill", 0, None, [evil], status=evil),
    ]
    claims = [
        ClaimRecord(evil, {evil: {evil: evil}}, Verdict.FAIL, evil, covered(faults, [evil]), (anomaly,)),
        ClaimRecord(evil, evil, Verdict.INCONCLUSIVE, evil, {"why": evil, evil: evil}),
        ClaimRecord(evil, evil, Verdict.ERROR, evil, evil),
    ]
    texts = dict.fromkeys(("target", "workload", "cluster", "command", "run", "version", "plan", "problem"), evil)
    fields: dict[str, Any] = {
        **texts,
        "nodes": [evil],
        "nemeses": [evil],
        "stats": {evil: {evil: evil}},
        "history": made,
    }
    return dataclasses.replace(run_data("t", [], faults, claims), **fields)


@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_a_target_returns_becomes_markup(evil: str) -> None:
    page = report(hostile_run(evil))
    page.encode("utf-8")
    tree, harmless = parse(page), parse(report(hostile_run("plain")))

    def shape(root: Element) -> list[tuple[str, frozenset[str]]]:
        return [(one.name, frozenset(one.attributes)) for one in root]

    assert shape(tree) == shape(harmless)
    code, harmless_code = ([one.text for one in page.all("script") if not one.attributes] for page in (tree, harmless))
    assert code == harmless_code
    assert re.fullmatch("[A-Za-z0-9+/]+={0,2}", tree.one("script", id="operations-block").text)
    assert not [one for one in tree.all("a") if not str(one.attributes["href"]).startswith("#")]
    body = tree.one("body").text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", body)
    assert len(page) < 700_000


def test_hostile_text_is_shown_for_what_it_is() -> None:
    for evil in HOSTILE[:5]:
        assert evil in parse(report(hostile_run(evil))).one("h1").text
    assert "\\u202egnorw si siht\\u2066" in parse(report(hostile_run(HOSTILE[6]))).text
    assert "characters)" in parse(report(hostile_run(HOSTILE[-1]))).text


def test_style_cannot_be_left_through_the_footer() -> None:
    run = dataclasses.replace(passing(), run='";}</style><script>', target="a\\b")
    style = parse(report(run)).one("style").text
    assert ["splitbrain 0.1.0", "a?b", "???????style???????"][1] in style
    assert "</style" not in style.lower()


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (Verdict.PASS, "raft kept its promise"),
        (Verdict.FAIL, "raft broke its promise"),
        (Verdict.INCONCLUSIVE, "Not proven: 1 of 1 promise could not be judged"),
        (Verdict.ERROR, "The harness failed before raft could be judged"),
    ],
)
def test_each_verdict_has_a_sentence_and_a_shape_of_its_own(verdict: Verdict, sentence: str) -> None:
    run = run_data("raft", [], [], [ClaimRecord("c", "linearizable", verdict)], problem="the disk is full")
    page = parse(report(run))
    assert page.one("h1").text == sentence
    assert f"exit code {verdict.exit_code}" in page.one("p", class_="kicker").text
    assert page.one("section", id="verdict").all("svg", class_=f"glyph-{verdict.value}")
    assert "the disk is full" in page.one("p", class_="problem").text


def test_a_known_limit_is_told_from_a_broken_promise() -> None:
    run = failing()
    [(_, anomaly)] = run.anomalies
    claim = ClaimRecord("lww-loses", {"not": "linearizable"}, Verdict.PASS, "found", None, (anomaly,))
    page = parse(report(dataclasses.replace(run, claims=[claim], verdict=Verdict.PASS, exit_code=0)))
    violation = page.one("article", class_="known")
    assert "documents the known limit lww-loses" in " ".join(violation.text.split())
    assert page.one("h1").text == "multi-leader kept its promise"


def test_the_first_violation_is_open_and_the_others_are_folded() -> None:
    run = failing()
    [(claim, anomaly)] = run.anomalies
    many = tuple(dataclasses.replace(anomaly, key=f"k{number}") for number in range(12))
    page = parse(report(dataclasses.replace(run, claims=[dataclasses.replace(claim, anomalies=many)])))
    section = page.one("section", id="violations")
    assert section.one("article").attributes["id"] == "violation-1"
    folded = [one for one in section.all("details") if "violation" in one.classes]
    assert [one.attributes["id"] for one in folded] == [f"violation-{number}" for number in range(2, 9)]
    assert all("open" not in one.attributes and one.all("table", class_="lanes") for one in folded)
    assert "4 more violations are listed" in section.text
    assert len(page.one("section", id="claims").all("a")) == 8


def test_the_same_violation_under_two_claims_is_drawn_once() -> None:
    run = failing()
    [(claim, _)] = run.anomalies
    page = parse(report(dataclasses.replace(run, claims=[claim, dataclasses.replace(claim, id="again")])))
    assert len(page.all("article", class_="violation")) == 1


def test_twelve_thousand_operations_take_well_under_half_a_second() -> None:
    run = passing()
    report(run)
    spent = []
    for _ in range(3):
        began = time.process_time()
        report(run)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.4


def test_a_report_is_made_from_the_files_of_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run = failing()
    write_run(folder, run)
    assert write_report(folder) == folder / "report.html"
    assert not [one.name for one in folder.iterdir() if one.name.endswith(".part")]
    found, expected = parse((folder / "report.html").read_text(encoding="utf-8")), parse(report(run))
    for part in ("violations", "claims", "faults", "nodes", "operations"):
        assert found.one("section", id=part).text == expected.one("section", id=part).text
    assert found.one("div", class_="command").one("code").text == f"splitbrain replay {folder}"


def test_a_run_that_recorded_nothing_has_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_run(folder, run_data("raft", [], [], []))
    (folder / "history.arrow").unlink()
    verdict = {"verdict": "error", "target": "raft", "problem": "no node came up", "claims": []}
    (folder / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    page = parse(write_report(folder).read_text(encoding="utf-8"))
    assert page.one("h1").text == "The harness failed before raft could be judged"
    assert "no node came up" in page.text


def test_a_page_that_cannot_be_written_is_a_recording_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot write"):
        save(passing(), tmp_path / "missing" / "report.html")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("plan.yaml", None, "is not a run"),
        ("verdict.json", None, r"verdict\.json cannot be read: No such file"),
        ("verdict.json", "{", r"verdict\.json:1: is not JSON"),
        ("verdict.json", "{}", r"is not a verdict .*KeyError: 'verdict'"),
        ("verdict.json", '{"verdict": "maybe", "target": "x"}', "is not a verdict"),
        ("verdict.json", "[]", "is not a verdict"),
        ("faults.jsonl", '{"id": "kill-1"}\n', "is not a verdict"),
        ("faults.jsonl", "{}\n\nnonsense\n", r"faults\.jsonl:3: is not JSON"),
    ],
)
def test_a_folder_that_is_no_finished_run_is_refused(tmp_path: Path, file: str, text: str | None, message: str) -> None:
    write_run(tmp_path / "run", run_data("raft", [], [], []))
    path = tmp_path / "run" / file
    path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        RunData.load(tmp_path / "run")
