"""The timeline in a real browser: each control, by pointer and by keyboard alone, and what it never does."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from harness.history import History
from harness.operation import Operation, Type
from harness.verdict import Verdict
from reports.data import ClaimRecord, RunData
from reports.html import save
from tests.reports.chromium import Chromium
from tests.reports.synthetic import SECOND, failing, history, passing, run_data
from tests.reports.test_html import HOSTILE, hostile_run

pytestmark = pytest.mark.browser

SETTLED = "new Promise((done) => setTimeout(done, 320))"
OPENED = """new Promise((done) => { const look = () =>
    document.querySelector("#timeline").dataset.ready ? done(true) : setTimeout(look, 20); look(); })"""


@dataclasses.dataclass
class Timeline:
    """The section as a person meets it."""

    browser: Chromium
    path: Path

    def open(self, fragment: str = "", **options: Any) -> None:
        self.browser.open(self.path, fragment, **{"motion": False, **options})
        assert self.browser.evaluate(OPENED)

    def settle(self) -> None:
        self.browser.evaluate(SETTLED)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.browser.press(key, ord(key) if len(key) == 1 else 0)
        self.settle()

    def click(self, selector: str) -> None:
        self.browser.evaluate(f"document.querySelector(`#timeline {selector}`).click()")
        self.settle()

    def text(self, selector: str) -> str:
        return " ".join(str(self.browser.evaluate(f"document.querySelector('#timeline {selector}').innerText")).split())

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """The element's part of what is in view, scrolled into it."""
        self.browser.evaluate(
            f"document.querySelector(`{selector}`).scrollIntoView({{block: 'center', behavior: 'instant'}})"
        )
        self.settle()
        found = self.browser.evaluate(
            f"(({{x, y, width, height}}) => [x, y, width, height])"
            f"(document.querySelector(`{selector}`).getBoundingClientRect())"
        )
        return tuple(found)

    @property
    def hash(self) -> str:
        return str(self.browser.evaluate("location.hash"))

    @property
    def shown(self) -> tuple[float, float]:
        """The stretch in view, in seconds, from the address; the whole run without one."""
        found = re.search(r"t=([\d.]+)-([\d.]+)", self.hash)
        return (float(found[1]), float(found[2])) if found else (0.0, 0.0)

    @property
    def count(self) -> int:
        """How many operations are in view, as is said aloud."""
        return int(self.text(".said").split()[0].replace(",", ""))

    @property
    def chosen(self) -> str:
        hidden = self.browser.evaluate("document.querySelector('#timeline .chosen').hidden")
        return "" if hidden else self.text(".chosen")

    def rows(self) -> list[list[str]]:
        cells = """[...document.querySelectorAll("#timeline .rows tbody tr")]
            .map((row) => [...row.cells].map((one) => one.innerText))"""
        return [list(map(str, row)) for row in self.browser.evaluate(cells)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """One browser for all of them."""
    with Chromium() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("timelines")
    save(failing(), folder / "failing.html")
    save(passing(), folder / "passing.html")
    return {name: folder / f"{name}.html" for name in ("failing", "passing")}


@pytest.fixture
def timeline(browser: Chromium, pages: dict[str, Path]) -> Iterator[Timeline]:
    """Of a run with one violation; whatever is done to it, the console stays silent and nothing is asked for."""
    made = Timeline(browser, pages["failing"])
    yield made
    assert browser.messages == [] and {one.split("#")[0] for one in browser.requests} <= {made.path.as_uri()}


FAILING = failing()
OPS = [call for call, _ in FAILING.history.pairs() if call.process is not None and call.process >= 0]
[(_, VIOLATION)] = FAILING.anomalies


def test_it_opens_with_all_operations_of_the_run(timeline: Timeline) -> None:
    timeline.open()
    assert timeline.count == len(OPS) and "1 violation" in timeline.text(".said")
    assert timeline.text("caption") == f"The first 100 of {len(OPS):,} operations in view"
    assert len(timeline.rows()) == 100 and timeline.hash == "" and timeline.chosen == ""


def test_without_script_there_is_no_trace_of_it(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.open(pages["failing"], script=False)
    seen = """[...document.querySelectorAll('#timeline, #timeline *, a[href="#timeline"]')]
        .filter((one) => one.checkVisibility()).length"""
    assert browser.evaluate(seen) == 0
    assert browser.evaluate("document.querySelectorAll('.in-timeline, .range').length") == 0


def test_the_buttons_zoom_and_go_back_to_the_whole_run(timeline: Timeline) -> None:
    timeline.open()
    timeline.click("[data-key='+']")
    first = timeline.shown
    timeline.click("[data-key='+']")
    from_s, to_s = timeline.shown
    assert (to_s - from_s) == pytest.approx((first[1] - first[0]) / 2, rel=1e-4)
    inside = sum(from_s * SECOND <= call.time <= to_s * SECOND for call in OPS)
    assert inside <= timeline.count <= inside + 30  # and those that were called before, and answered within
    timeline.click("[data-key='-']")
    assert timeline.shown == pytest.approx(first, rel=1e-4)
    timeline.click("[data-key='0']")
    assert timeline.hash == "" and timeline.count == len(OPS)


def test_lanes_are_of_processes_or_of_keys(timeline: Timeline) -> None:
    timeline.open()
    pressed = "[...document.querySelectorAll('[data-by]')].map((one) => one.getAttribute('aria-pressed'))"
    tall = "document.querySelector('#timeline .stage').offsetHeight"
    assert timeline.browser.evaluate(pressed) == ["true", "false"]
    before = timeline.browser.evaluate(tall)
    timeline.click("[data-by='key']")
    assert timeline.browser.evaluate(pressed) == ["false", "true"] and timeline.hash == "#by=key"
    assert timeline.browser.evaluate(tall) > before
    timeline.click("[data-by='process']")
    assert timeline.browser.evaluate(pressed) == ["true", "false"] and timeline.hash == ""


def test_the_first_violation_is_one_click_away(timeline: Timeline) -> None:
    timeline.open()
    timeline.click("[data-key='1']")
    assert timeline.chosen.startswith("Close Violation 1 of 1: stale-read on key k3 ")
    assert VIOLATION.message[:60] in timeline.chosen and "read → 41 process 100008 on n4" in timeline.chosen
    times = [FAILING.history[event].time / SECOND for event in VIOLATION.ops]
    from_s, to_s = timeline.shown
    assert from_s < min(times) and to_s > max(times) and to_s - from_s < 4 * (max(times) - min(times))
    timeline.click(".chosen a")
    assert timeline.browser.evaluate("location.hash") == "#violation-1"


def test_an_operation_of_the_violation_can_be_looked_at(timeline: Timeline) -> None:
    timeline.open()
    timeline.click("[data-key='1']")
    timeline.click(".proof-list li:nth-child(3) button")
    for words in (
        "read → 41",
        "Proves stale-read on key k3",
        "Key k3",
        "Process 100008",
        "Node n4",
        "Outcome ok",
        "Answered 41",
    ):
        assert words in timeline.chosen
    assert f"#op={VIOLATION.ops[3]}&" in timeline.hash or any(
        f"#op={event}" in timeline.hash for event in VIOLATION.ops
    )
    timeline.click(".chosen .close")
    assert timeline.chosen == "" and "op=" not in timeline.hash


def test_by_keyboard_alone(timeline: Timeline) -> None:
    timeline.open()
    timeline.press("n")
    assert timeline.chosen.startswith("Close Violation 1 of 1")
    timeline.press("p")
    assert timeline.chosen.startswith("Close Violation 1 of 1")
    timeline.press("Escape")
    assert timeline.chosen == ""
    timeline.press("Escape")
    assert timeline.hash == ""
    whole = timeline.browser.evaluate(SPAN)
    timeline.press("+", "+", "+")
    from_s, to_s = timeline.shown
    assert to_s - from_s == pytest.approx(whole / 8, rel=1e-3)
    timeline.browser.evaluate("document.querySelector('#timeline .stage').focus()")
    timeline.press("ArrowRight")
    assert timeline.shown[0] == pytest.approx(from_s + (to_s - from_s) / 5, rel=1e-3)
    timeline.press("ArrowLeft", "ArrowLeft")
    assert timeline.shown[0] == pytest.approx(from_s - (to_s - from_s) / 5, rel=1e-3)
    timeline.press("-", "-", "-")
    assert timeline.shown == (0, 0)
    timeline.press("j")
    assert f"#op={OPS[0].index}" in timeline.hash and timeline.chosen.startswith("Close")
    timeline.press("j", "j", "k")
    assert f"#op={OPS[1].index}" in timeline.hash
    timeline.press("0", "/")
    assert timeline.browser.evaluate("document.activeElement.type") == "search"
    timeline.browser.type("k3")
    timeline.press("n")  # a letter for the field, which has the focus
    assert timeline.hash.endswith("filter=k3") and timeline.count == sum(op.key == "k3" for op in OPS)
    timeline.press("Escape", "Escape")
    assert timeline.browser.evaluate("document.activeElement.className") == "stage"
    assert timeline.count == len(OPS)


COPY = """(() => { const canvas = document.querySelector("#timeline .stage canvas");
    const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
    const ink = copy.getContext("2d", { willReadFrequently: true });
    ink.drawImage(canvas, 0, 0);
    return { canvas, ink }; })()"""
SPAN = "Number(document.querySelector('#timeline .said').innerText.match(/to ([\\d.]+) s/)[1])"


def test_the_keyboard_reaches_every_control_and_a_row_of_the_table(timeline: Timeline) -> None:
    timeline.open()
    timeline.browser.evaluate("document.querySelector('#timeline summary').focus()")
    name = "document.activeElement.ariaLabel ?? document.activeElement.innerText ?? ''"
    stops = []
    for _ in range(14):
        timeline.browser.press("Tab", 9)
        stops.append(str(timeline.browser.evaluate(name)))
        assert timeline.browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert stops[:8] == [
        "By process", "By key", "Zoom in", "Zoom out", "Whole run",
        "First violation", "Previous violation", "Next violation",
    ]  # fmt: skip
    assert stops[9].startswith("Operations in lanes") and stops[10] == "The operations in view, as a table"
    assert stops[11] == f"{OPS[0].index}: show this operation"
    timeline.browser.evaluate("document.activeElement.click()")
    timeline.settle()
    assert f"#op={OPS[2].index}" in timeline.hash


def test_letters_can_be_switched_off(timeline: Timeline) -> None:
    timeline.open()
    timeline.click("[type=checkbox]")
    timeline.press("n")
    assert timeline.chosen == ""
    timeline.browser.evaluate("document.querySelector('#timeline .stage').focus()")
    timeline.press("n")
    assert timeline.chosen.startswith("Close Violation 1 of 1")


def kinds(made: History) -> list[tuple[Operation, str]]:
    return [
        (call, "open" if answer is None else answer.type.label)
        for call, answer in made.pairs()
        if call.process is not None and call.process >= 0
    ]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("n1", lambda op, kind: op.node == "n1"),
        ("key:k1", lambda op, kind: op.key == "k1"),
        ("k1,k2 write", lambda op, kind: op.key in ("k1", "k2") and op.f == "write"),
        ("f:read node:n1,n5", lambda op, kind: op.f == "read" and op.node in ("n1", "n5")),
        ("type:info", lambda op, kind: kind == "info"),
        ("unknown", lambda op, kind: kind == "info"),
        ("process:0", lambda op, kind: op.process == 0),
        ("0", lambda op, kind: op.process == 0),
        ("process:1 k7", lambda op, kind: op.process == 1 and op.key == "k7"),
        ("nobody", lambda op, kind: False),
        ("  ", lambda op, kind: True),
    ],
    ids=lambda one: one.replace(" ", "+") if isinstance(one, str) else "",
)
def test_filters_leave_what_they_say(browser: Chromium, pages: dict[str, Path], words: str, wanted: Any) -> None:
    timeline = Timeline(browser, pages["passing"])
    timeline.open(f"#filter={quote(words)}")
    timeline.settle()
    expected = [op for op, kind in kinds(passing().history) if wanted(op, kind)]
    assert timeline.count == len(expected)
    assert [int(row[0]) for row in timeline.rows()] == [op.index for op in expected[:100]]


def test_a_link_shows_what_was_seen(timeline: Timeline) -> None:
    op = OPS[4000]
    timeline.open(f"#op={op.index}&t=19.5-20.5&by=key&filter={op.f}")
    timeline.settle()
    assert timeline.shown == (19.5, 20.5) and f"Process {op.process}" in timeline.chosen
    assert timeline.browser.evaluate("document.querySelector('[data-by=key]').ariaPressed") == "true"
    link = timeline.hash
    assert link.startswith(f"#op={op.index}&t=19.5-20.5&by=key")
    assert abs(timeline.browser.evaluate("document.querySelector('#timeline').getBoundingClientRect().y")) < 120
    timeline.open(link)
    timeline.settle()
    assert timeline.hash == link


@pytest.mark.parametrize(
    "fragment",
    [
        "#op=-1",
        "#op=abc",
        "#op=",
        "#t=5-2",
        "#t=x-y",
        "#t=",
        "#violation=99",
        "#violation=0",
        "#by=colour",
        "#%E0%A4%A",
        "#op=1e9",
    ],
)
def test_a_link_that_makes_no_sense_does_no_harm(timeline: Timeline, fragment: str) -> None:
    timeline.open(fragment)
    timeline.settle()
    assert 0 < timeline.count <= len(OPS)


def test_where_a_violation_is_told_there_is_a_way_to_the_timeline(timeline: Timeline) -> None:
    timeline.open()
    timeline.browser.evaluate("document.querySelector('#violation-1 a.in-timeline').click()")
    timeline.settle()
    assert timeline.chosen.startswith("Close Violation 1 of 1")


def test_dragging_over_a_chart_chooses_a_stretch_for_all(timeline: Timeline) -> None:
    timeline.open()
    whole = timeline.browser.evaluate(SPAN)
    x, y, width, height = timeline.box("#figure-throughput svg.chart")
    timeline.browser.drag((x + width / 4, y + height / 2), (x + width / 2, y + height / 2))
    timeline.settle()
    assert timeline.shown == pytest.approx((whole / 4, whole / 2), abs=whole / 300)
    frames = timeline.browser.evaluate(
        "[...document.querySelectorAll('.range')].map((one) => [one.hidden, one.getBoundingClientRect().x])"
    )
    assert len(frames) == 4 and all(not hidden and abs(left - x - width / 4) < 3 for hidden, left in frames)
    count, all_rows = timeline.count, timeline.rows()
    assert count < len(OPS) and all(float(row[1].removesuffix(" s")) <= whole / 2 + 0.3 for row in all_rows)
    timeline.click("[data-key='0']")
    assert timeline.browser.evaluate("[...document.querySelectorAll('.range')].every((one) => one.hidden)")


def test_the_strip_chooses_and_a_click_on_it_moves(timeline: Timeline) -> None:
    timeline.open()
    x, y, _, _ = timeline.box("#timeline .strip")
    timeline.browser.drag((x + 200, y + 20), (x + 300, y + 20))
    timeline.settle()
    from_s, to_s = timeline.shown
    timeline.browser.drag((x + 600, y + 20), (x + 600, y + 20))
    timeline.settle()
    moved = timeline.shown
    assert moved[1] - moved[0] == pytest.approx(to_s - from_s, rel=1e-3) and moved[0] > to_s


def test_dragging_the_lanes_moves_time_along(timeline: Timeline) -> None:
    timeline.open("#t=20-24")
    x, y, width, _ = timeline.box("#timeline .stage")
    timeline.browser.drag((x + width / 2, y + 60), (x + width / 2 + 200, y + 60))
    timeline.settle()
    from_s, to_s = timeline.shown
    assert to_s - from_s == pytest.approx(4, rel=1e-3)
    assert from_s == pytest.approx(20 - 4 * 200 / (width - 87), abs=0.02)


def test_the_wheel_scrolls_the_page_until_it_is_meant_for_the_lanes(timeline: Timeline) -> None:
    timeline.open("#t=20-24")
    x, y, width, _ = timeline.box("#timeline .stage")
    spot = (x + width / 2, y + 60)
    wheel = partial(timeline.browser.mouse, "mouseWheel", spot, deltaX=0)
    wheel(deltaY=100)
    timeline.settle()
    assert timeline.shown == (20, 24)
    x, y, width, _ = timeline.box("#timeline .stage")
    spot = (x + width / 2, y + 60)
    timeline.browser.mouse("mouseWheel", spot, deltaX=0, deltaY=-120, modifiers=2)
    timeline.settle()
    from_s, to_s = timeline.shown
    assert 2 < to_s - from_s < 3.5 and (from_s + to_s) / 2 == pytest.approx(22, abs=0.2)
    timeline.browser.mouse("mouseWheel", spot, deltaX=200, deltaY=0)
    timeline.settle()
    assert timeline.shown[0] > from_s and timeline.shown[1] - timeline.shown[0] == pytest.approx(to_s - from_s)


def single(*, f: str = "read", key: str = "k") -> RunData:
    """One process: an ok at 1 s, a failure at 2 s, an unknown at 3 s, a refused one at 5 s, each for half a second."""
    events = []
    for second, type_, error in (
        (1, Type.OK, None), (2, Type.FAIL, "down"), (3, Type.INFO, "timeout"), (5, Type.FAIL, {"current": 9}),
    ):  # fmt: skip
        process = 0 if second < 5 else 1
        events.append(Operation(f, key, 7, process, Type.INVOKE, second * SECOND, "n1"))
        events.append(Operation(f, key, 7, process, type_, second * SECOND + SECOND // 2, "n1", error))
    claim = ClaimRecord("c", "linearizable", Verdict.PASS)
    return run_data("raft", [], [], [claim], history=history(events))


def test_pointing_tells_and_a_click_pins(browser: Chromium, tmp_path: Path) -> None:
    save(single(), tmp_path / "one.html")
    timeline = Timeline(browser, tmp_path / "one.html")
    timeline.open()
    x, y, width, height = timeline.box("#timeline .stage")
    span = browser.evaluate(SPAN)

    def at(second: float) -> tuple[float, float]:
        return x + 75 + second / span * (width - 82), y + 33

    browser.mouse("mouseMoved", at(2.2))
    timeline.settle()
    assert timeline.text(".tip").startswith("read 7: failed, down key k, process 0 on n1, 2.000000 s, took 500 ms")
    browser.mouse("mouseMoved", (x + width / 2, y + height + 200))
    timeline.settle()
    assert browser.evaluate("document.querySelector('.tip').hidden")
    browser.drag(at(1.2), at(1.2))
    timeline.settle()
    assert "Outcome ok" in timeline.chosen and "Took 500 ms" in timeline.chosen and timeline.hash.startswith("#op=0")


def test_outcomes_differ_in_shape_as_well_as_in_colour(browser: Chromium, tmp_path: Path) -> None:
    save(single(), tmp_path / "one.html")
    timeline = Timeline(browser, tmp_path / "one.html")
    timeline.open()
    timeline.settle()
    profile = """(() => {
      const { canvas, ink } = COPY;
      const span = Number(document.querySelector("#timeline .said").innerText.match(/to ([\\d.]+) s/)[1]);
      const gutter = 75, across = canvas.width - gutter - 7;
      return [1.25, 2.25, 3.25, 5.25].map((second) => {
        const { data } = ink.getImageData(Math.round(gutter + second / span * across) + 40, 22, 8, 20);
        let painted = ""; for (let at = 3; at < data.length; at += 4) painted += data[at] > 30 ? 1 : 0;
        return painted; });
    })()"""
    shapes = browser.evaluate(profile.replace("COPY", COPY))
    assert len(set(shapes)) == 4 and all("1" in shape for shape in shapes)


def test_the_canvas_follows_the_theme(timeline: Timeline, tmp_path: Path) -> None:
    colour = """(() => { const { data } = COPY.ink.getImageData(0, 30, 75, 200); let light = 0, seen = 0;
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) { light += data[at]; seen += 1; }
      return light / seen; })()""".replace("COPY", COPY)
    timeline.open()
    timeline.settle()
    assert timeline.browser.evaluate(colour) < 90  # the labels: dark on light
    timeline.browser.media(dark=True)
    timeline.settle()
    assert timeline.browser.evaluate(colour) > 160
    timeline.browser.evaluate("document.querySelector('button.theme').click()")
    timeline.settle()
    assert timeline.browser.evaluate(colour) < 90


def test_lanes_stand_below_the_charts_in_a_window_of_any_width(timeline: Timeline) -> None:
    aligned = """(() => { const chart = document.querySelector("#figure-throughput svg.chart").getBoundingClientRect();
      const strip = document.querySelector("#timeline .strip canvas").getBoundingClientRect();
      return [chart.left - strip.left, chart.width, document.documentElement.scrollWidth]; })()"""
    timeline.open()
    span = timeline.browser.evaluate(SPAN)
    for width in (1280, 360, 900):
        timeline.browser.resize(width)
        timeline.settle()
        left, chart, across = timeline.browser.evaluate(aligned)
        x, y, _, _ = timeline.box("#timeline .strip")
        timeline.browser.drag((x + left + 30, y + 20), (x + left + 90, y + 20))
        timeline.settle()
        assert timeline.shown == pytest.approx((30 / chart * span, 90 / chart * span), abs=2 / chart * span)
        assert across <= width


def test_who_asked_for_less_motion_gets_none(timeline: Timeline) -> None:
    soon = """(async () => { document.querySelector("#timeline [data-key='1']").click();
      await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
      return document.querySelector("#timeline .strip canvas").toDataURL(); })()"""
    late = "document.querySelector('#timeline .strip canvas').toDataURL()"
    for motion in (False, True):
        timeline.open(motion=motion)
        early = timeline.browser.evaluate(soon)
        timeline.settle()
        timeline.settle()
        assert (early == timeline.browser.evaluate(late)) is not motion


def test_paper_has_the_charts_and_not_the_controls(timeline: Timeline) -> None:
    timeline.open("#t=20-24")
    timeline.browser.media(kind="print")
    for hidden in ("#timeline", ".range", ".in-timeline"):
        assert not timeline.browser.evaluate(f"document.querySelector('{hidden}').checkVisibility()")
    assert timeline.browser.evaluate("document.querySelector('#figure-throughput').checkVisibility()")


def test_a_run_beyond_the_limit_says_what_is_left_out(browser: Chromium, tmp_path: Path) -> None:
    save(failing(), tmp_path / "capped.html", embed_ops_max=3000)
    timeline = Timeline(browser, tmp_path / "capped.html")
    timeline.open()
    assert timeline.count == 3000
    assert f"The 3,000 of {len(OPS):,} operations nearest to violations" in timeline.text("p.prose")
    timeline.click("[data-key='1']")
    assert timeline.chosen.startswith("Close Violation 1 of 1")


def test_hostile_values_stay_text_in_the_timeline(browser: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    for evil in HOSTILE:
        save(hostile_run(evil), path)
        timeline = Timeline(browser, path)
        timeline.open()
        timeline.click(".rows tbody tr:nth-child(1) button")
        assert browser.messages == [] and browser.evaluate("document.title").startswith("fail: ")
        shown = browser.evaluate("document.querySelector('#timeline .chosen').textContent")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
        if len(evil) < 100 and evil.isprintable():
            assert evil in shown
        assert browser.evaluate("document.querySelectorAll('img, iframe, [onmouseover], [onerror]').length") == 0
        assert browser.evaluate("document.querySelectorAll('#timeline h1, #timeline script:not([type])').length") == 0
        assert browser.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_run_without_operations_has_no_timeline(browser: Chromium, tmp_path: Path) -> None:
    save(run_data("raft", [], [], []), tmp_path / "empty.html")
    browser.open(tmp_path / "empty.html")
    browser.evaluate(SETTLED)
    assert browser.messages == [] and not browser.evaluate("document.querySelector('#timeline').checkVisibility()")
