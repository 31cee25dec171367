"""The pages of the server in a real browser: by hand, by keyboard, without script, narrow, dark, and attacked."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness._core import Recorder
from harness.campaign.record import Recorder as Recording
from tests.harness.campaign.runs import ERROR, FAIL, PASS, UNSURE, ran
from tests.reports.axe import judge
from tests.reports.chromium import Chromium
from tests.reports.serve.folders import Server, judged, whole

pytestmark = pytest.mark.browser

RAFT, LEADERS = "20260102T030405-7", "20260103T030405-7"
PAGES = (
    "/",
    "/?target=etcd&sort=verdict",
    "/trends",
    "/trends?target=etcd&claim=raft-available",
    "/gates",
    "/gates/claims",
    "/campaigns",
    "/campaigns/nightly",
    "/compare",
    f"/compare?run=raft/{RAFT}&run=multi-leader/{LEADERS}",
    f"/runs/raft/{RAFT}",
    f"/runs/raft/{RAFT}/live",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    whole(root, RAFT)
    whole(root, LEADERS, fails=True)
    for number in range(60):
        verdict = ("pass", "fail", "inconclusive", "error")[number % 7 % 4]
        claim = {
            "id": "raft-available",
            "expect": "x",
            "verdict": verdict,
            "stats": {"judged": {"share": 0.99 + number / 9000}},
        }
        judged(root, "etcd", f"20260101T0000{number:02}-{number}", verdict=verdict, claims=[claim])
    judged(root, "<img src=x onerror=document.title='taken'>", RAFT, target="<script>document.title='taken'</script>")
    with Recording(root, "nightly") as record:
        record.append({"call": {"at_s": 1.7e9, "targets": ["raft"], "from_seed": 1, "bounds": {}}})
        for seed in range(90):
            run = ran(seed, (PASS, PASS, FAIL, UNSURE, ERROR)[seed % 5], folder=f"raft/{RAFT}")
            record.append({"run": run.to_json()})
    (root / "gates").mkdir()
    shown = {"seed": 3, "anomaly": "lost-update", "message": "m" * 300, "witness": ["w" * 300], "command": "c" * 300}
    case = {"name": "held", "target": "raft", "verdict": "fail", "why": "it broke", "runs": 3, "shown": shown}
    (root / "gates" / "claims.json").write_text(json.dumps({"verdict": "fail", "cases": [case]}), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    with Server(root) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_in_silence_fits_and_asks_this_server_alone(browser: Chromium, server: Server, page: str) -> None:
    for width, script in ((1280, True), (360, False)):
        browser.open(f"http://{server.host}{page}", width=width, script=script)
        assert browser.messages == []
        assert browser.requests == [f"http://{server.host}{page}"]
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.evaluate("document.title") != "taken"


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_in_the_way(browser: Chromium, server: Server, page: str, dark: bool) -> None:
    browser.open(f"http://{server.host}{page}", dark=dark)
    assert judge(browser) == []


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_search_filter_order_and_pages_by_hand(browser: Chromium, server: Server, script: bool) -> None:
    browser.open(f"http://{server.host}/", script=script)
    browser.evaluate("document.querySelector('[name=q]').value = 'etcd fail'")
    browser.follow("document.querySelector('.filters button').click()")
    caption = "document.querySelector('caption').textContent"
    assert "1 to 17 of 17 runs that fit" in browser.evaluate(caption)
    browser.follow("document.querySelector('.filters .buttons a').click()")
    browser.follow("[...document.querySelectorAll('a.order')].find((one) => one.textContent == 'Target').click()")
    assert browser.evaluate("document.querySelector('[aria-sort]').getAttribute('aria-sort')") == "ascending"
    browser.follow("document.querySelector('a[rel=next]').click()")
    assert "51 to 63 of 63" in browser.evaluate(caption)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_two_chosen_runs_are_put_side_by_side(browser: Chromium, server: Server, script: bool) -> None:
    browser.open(f"http://{server.host}/?q=linearizable&target=", script=script)
    for name in (f"raft/{RAFT}", f"multi-leader/{LEADERS}"):
        browser.evaluate(f"document.querySelector('[name=run][value=\"{name}\"]').click()")
    browser.follow("document.querySelector('.under button').click()")
    assert browser.evaluate("document.querySelector('h1').textContent") == "Side by side"
    assert browser.evaluate("document.querySelectorAll('.multiples > .panel').length") == 2


def test_a_choice_is_asked_for_at_once_and_the_slash_searches(browser: Chromium, server: Server) -> None:
    browser.open(f"http://{server.host}/")
    browser.follow(
        "(() => { const one = document.querySelector('[name=verdict]'); one.value = 'error';"
        "one.dispatchEvent(new Event('change', { bubbles: true })); })()"
    )
    assert browser.evaluate("new URLSearchParams(location.search).get('verdict')") == "error"
    browser.evaluate("document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }))")
    assert browser.evaluate("document.activeElement.name") == "q"


def test_a_form_of_ours_may_judge_again(browser: Chromium, server: Server, root: Path) -> None:
    """The browser names the origin of the form, whatever the page's policy on referrers."""
    shutil.copytree(root / "raft" / RAFT, root / "raft" / "20260104T030405-7")
    browser.open(f"http://{server.host}/runs/raft/20260104T030405-7")
    browser.follow("document.querySelector('.actions form button').click()")
    assert browser.evaluate("location.pathname") == "/runs/raft/20260104T030405-7"
    until(browser, "document.querySelector('.job').textContent.includes('Judged again: ')")


def test_a_live_page_follows_by_itself(browser: Chromium, server: Server, root: Path) -> None:
    folder = root / "raft" / "20260105T030405-7"
    folder.mkdir()
    (folder / "plan.yaml").write_text("target: raft\nseed: 7\n", encoding="utf-8")
    recorder = Recorder(folder / "history.arrow")
    for number in range(10):
        recorder.event(number, number, 0, "read")
    recorder.flush()
    browser.open(f"http://{server.host}/runs/raft/20260105T030405-7/live")
    count = "document.querySelector('.tiles .big').textContent"
    assert browser.evaluate(count) == "10"
    recorder.event(10, 10, 0, "read")
    recorder.flush()
    until(browser, f"{count} == '11'")
    assert browser.messages == []


def test_a_report_keeps_its_looks_and_its_script_and_has_no_origin(
    browser: Chromium, server: Server, root: Path
) -> None:
    browser.open(f"http://{server.host}/files/multi-leader/{LEADERS}/report.html")
    assert browser.messages == []
    assert browser.evaluate("origin") == "null"
    assert browser.evaluate("document.querySelectorAll('th button').length") > 0
    assert browser.evaluate("getComputedStyle(document.querySelector('.banner')).borderRadius") == "14px"
    forged = root / "raft" / "20260106T030405-7"
    forged.mkdir()
    (forged / "plan.yaml").write_text("target: raft\nseed: 7\n", encoding="utf-8")
    (forged / "report.html").write_text("<title>still</title><script>document.title = 'taken'</script><img src=/gates>")
    browser.open(f"http://{server.host}/files/raft/20260106T030405-7/report.html")
    assert browser.evaluate("document.title") == "still"
    assert any("Content Security Policy" in message for message in browser.messages)


def until(browser: Chromium, condition: str, seconds: float = 30.0) -> None:
    """Waits until something is true of the page."""
    deadline = time.monotonic() + seconds
    while not browser.evaluate(condition):
        assert time.monotonic() < deadline, browser.evaluate("document.body.innerText")
        time.sleep(0.2)
