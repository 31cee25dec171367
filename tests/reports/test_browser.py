"""The pages in a real browser: without script, dark, narrow, printed, by keyboard, and with hostile values inside."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.messages import Fate
from reports import check, selftest
from reports.compare import comparison
from reports.data import RunData
from reports.html import save
from tests.checkers.lines import history
from tests.reports.chromium import Chromium
from tests.reports.synthetic import failing, passing
from tests.reports.test_check_page import document
from tests.reports.test_compare import many, rows
from tests.reports.test_cycles import WRITE_SKEW
from tests.reports.test_html import HOSTILE, hostile_run
from tests.reports.test_lamport import MS, begin_ns, heard, said
from tests.reports.test_selftest_page import document as selftested

pytestmark = pytest.mark.browser

PAGES = ("passing", "failing", "heard", "compare", "many", "check", "selftest")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages under test, by name."""
    folder = tmp_path_factory.mktemp("pages")
    made = {name: folder / f"{name}.html" for name in PAGES}
    save(passing(), made["passing"])
    save(failing(), made["failing"])
    save(talkative(), made["heard"])
    judged = history(WRITE_SKEW)
    made["check"].write_text(check.page("mine.edn", document(judged), judged), encoding="utf-8")
    made["selftest"].write_text(selftest.page(selftested()), encoding="utf-8")
    made["compare"].write_text(comparison(rows()), encoding="utf-8")
    made["many"].write_text(comparison(many()), encoding="utf-8")
    return made


def talkative() -> RunData:
    """The failing run, with messages round its violation: one of each fate, and some about something else."""
    run = failing()
    start = begin_ns(run)
    fates = [
        said("n1", f"n{2 + place % 4}", start + place * 4 * MS, MS, fate=fate, faults=("partition-2",))
        for place, fate in enumerate(Fate)
    ]
    others = [said("n3", "n5", start + place * 7 * MS, about=False) for place in range(20)]
    asked = [said("c1", "n4", start + 90 * MS, process=100_008), said("c9", "n2", start + 95 * MS, process=4)]
    return heard(run, *fates, *others, *asked, left_out=5)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """One browser for all of them."""
    with Chromium() as chromium:
        yield chromium


def pixels(png: Path) -> tuple[int, int, list[bytes]]:
    """Width, height and the unfiltered rows (RGB or RGBA) of a PNG."""
    data, at, body, head = png.read_bytes(), 8, b"", b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind = data[at + 4 : at + 8]
        chunk = data[at + 8 : at + 8 + length]
        head, body = (chunk, body) if kind == b"IHDR" else (head, body + chunk if kind == b"IDAT" else body)
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", head[:10])
    assert depth == 8 and colour in (2, 6)
    step, raw, lines = (4 if colour == 6 else 3), zlib.decompress(body), []
    above = bytearray(width * step)
    for row in range(height):
        start = row * (width * step + 1)
        line = _unfilter(raw[start], bytearray(raw[start + 1 : start + 1 + width * step]), above, step)
        lines.append(bytes(line))
        above = line
    return width, height, lines


def _unfilter(kind: int, line: bytearray, above: bytearray, step: int) -> bytearray:
    for index in range(len(line)):
        left = line[index - step] if index >= step else 0
        corner = above[index - step] if index >= step else 0
        if kind == 4:
            guess = left + above[index] - corner
            near = min((left, above[index], corner), key=lambda one: abs(guess - one))
            line[index] = (line[index] + near) & 255
        elif kind:
            line[index] = (line[index] + (left, above[index], (left + above[index]) // 2)[kind - 1]) & 255
    return line


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_page_opens_in_silence_and_asks_for_nothing(
    browser: Chromium, pages: dict[str, Path], name: str, script: bool
) -> None:
    browser.open(pages[name], script=script)
    assert browser.messages == []
    assert browser.requests == [pages[name].as_uri()]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, 360, 768, 1280, 1600])
def test_a_page_never_scrolls_sideways(browser: Chromium, pages: dict[str, Path], name: str, width: int) -> None:
    browser.open(pages[name], width=width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    cut_off = """[...document.querySelectorAll("h1, h2, h3, p, dt, dd, li, figcaption, summary")].filter((one) => {
        const box = one.getBoundingClientRect();
        return box.width && box.right > innerWidth + 1 && !one.closest(".scroll, nav");
    }).map((one) => one.textContent.trim().slice(0, 60))"""
    assert browser.evaluate(cut_off) == []


def test_without_script_everything_can_be_read(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.open(pages["failing"], script=False)
    seen = browser.evaluate("document.body.innerText")
    for words in (
        "multi-leader broke 1 of 3 promises",
        "had already been told ok for its write of 57",
        "splitbrain run multi-leader --nemesis partition --time 60s --seed 7",
        "dropped_messages 812",
    ):
        assert words in seen
    assert browser.evaluate("[...document.querySelectorAll('button')].filter((one) => one.offsetParent).length") == 0
    browser.evaluate("document.querySelector('.data').open = true")
    assert browser.evaluate("document.querySelector('.data table').offsetHeight") > 100


CONTRAST = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data; };
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (one) => { for (; one; one = one.parentElement) {
    const found = rgb(getComputedStyle(one).backgroundColor); if (found[3] === 255) return found; }
    return [255, 255, 255]; };
  const poor = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !one.offsetParent || one.closest("svg, script, style")) continue;
    const [a, b] = [light(rgb(getComputedStyle(one).color)), light(ground(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const text = walk.currentNode.textContent.trim().slice(0, 40);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${one.className} ${text}`);
  }
  return poor;
})()"""


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Chromium, pages: dict[str, Path], name: str, dark: bool) -> None:
    browser.open(pages[name], dark=dark)
    assert browser.evaluate(CONTRAST) == []


def test_light_and_dark_follow_the_system_and_the_button(
    browser: Chromium, pages: dict[str, Path], tmp_path: Path
) -> None:
    def brightness() -> int:
        browser.screenshot(tmp_path / "page.png", clip=(0, 0, 64, 64))
        _, _, lines = pixels(tmp_path / "page.png")
        return lines[40][8]

    browser.open(pages["passing"], dark=False)
    assert brightness() > 200
    browser.media(dark=True)
    assert brightness() < 60
    for name, dark in (("light", False), ("dark", True), ("system", True)):
        browser.evaluate("document.querySelector('button.theme').click()")
        assert browser.evaluate("document.querySelector('button.theme span').textContent") == name
        assert (brightness() < 60) == dark


def test_charts_are_drawn_in_colour(browser: Chromium, pages: dict[str, Path], tmp_path: Path) -> None:
    browser.open(pages["failing"])
    box = browser.evaluate(
        "(({x, y, width, height}) => [x, y + scrollY, width, height])"
        "(document.querySelector('#figure-throughput svg.chart').getBoundingClientRect())"
    )
    browser.screenshot(tmp_path / "chart.png", clip=tuple(box))
    width, height, lines = pixels(tmp_path / "chart.png")
    step = len(lines[0]) // width
    row = lines[height // 2]
    green = sum(row[at + 1] > row[at] + 60 for at in range(0, len(row), step))
    assert 0.8 < green / width < 0.97  # the load takes 60 of 66 seconds, and answers all along


def test_the_keyboard_reaches_everything_in_order(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.open(pages["failing"])
    focused = """(({tagName, className, textContent}) =>
        `${tagName} ${className} ${textContent.trim().slice(0, 24)}`)(document.activeElement)"""
    stops = []
    for _ in range(15):
        browser.press("Tab", 9)
        stops.append(browser.evaluate(focused))
        assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert stops[0] == "A skip Skip to the verdict"
    assert [stop.split()[-1] for stop in stops[1:10]] == [
        "Verdict", "Violation", "Promises", "time", "Timeline", "Faults", "Nodes", "Operations", "Run",
    ]  # fmt: skip
    assert stops[10].startswith("BUTTON theme") and stops[11].startswith("BUTTON copy Copy")
    assert stops[12].startswith("A in-timeline See it in the")
    assert stops[13].endswith("partition-2") and stops[14].startswith("DIV scroll")


def test_skipping_goes_to_the_verdict(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.open(pages["passing"])
    browser.press("Tab", 9)
    browser.evaluate("document.activeElement.click()")
    assert browser.evaluate("document.activeElement.id") == "main"


def test_tables_sort_and_filter(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.open(pages["passing"])
    column = "[...document.querySelectorAll('#faults tbody tr')].map((row) => Number(row.cells[4].dataset.value))"
    click = "document.querySelectorAll('#faults thead button')[4].click()"
    drawn = browser.evaluate(column)
    browser.evaluate(click)
    assert browser.evaluate(column) == sorted(drawn) != drawn
    browser.evaluate(click)
    assert browser.evaluate(column) == sorted(drawn, reverse=True)
    assert browser.evaluate("document.querySelectorAll('#faults thead th')[4].ariaSort") == "descending"
    browser.evaluate(
        "((input) => { input.value = 'pause n1'; input.dispatchEvent(new Event('input')); })"
        "(document.querySelector('#faults input'))"
    )
    left = browser.evaluate(
        "[...document.querySelectorAll('#faults tbody tr:not([hidden])')].map((row) => row.textContent)"
    )
    assert 0 < len(left) < len(drawn) and all("pause" in row and "n1" in row for row in left)


@pytest.mark.parametrize("name", [name for name in PAGES if name != "selftest"])  # where nothing is folded
@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_paper_shows_what_is_folded_away(
    browser: Chromium, pages: dict[str, Path], tmp_path: Path, name: str, script: bool
) -> None:
    browser.open(pages[name], dark=True, script=script)
    folded = "[...document.querySelectorAll('details table')].map((table) => table.getBoundingClientRect().height)"
    visible = "[...document.querySelectorAll('details table')].map((table) => table.checkVisibility())"
    assert not any(browser.evaluate(visible))
    browser.media(dark=True, kind="print")
    assert all(browser.evaluate(visible)) and all(height > 10 for height in browser.evaluate(folded))
    assert browser.evaluate("getComputedStyle(document.querySelector('.top')).display") == "none"
    assert browser.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    browser.pdf(tmp_path / "page.pdf")
    printed = (tmp_path / "page.pdf").read_bytes()
    assert printed.startswith(b"%PDF-") and 2 <= printed.count(b"/Type /Page\n") <= 40


def test_a_chart_is_not_torn_over_two_sheets(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.open(pages["failing"])
    browser.media(kind="print")
    kept = "[...document.querySelectorAll('.canvas, .claim, .lanes')].map((one) => getComputedStyle(one).breakInside)"
    assert set(browser.evaluate(kept)) == {"avoid"}


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_hostile_values_stay_text(browser: Chromium, tmp_path: Path, script: bool) -> None:
    path = tmp_path / "hostile.html"
    for evil in HOSTILE[:-1]:
        save(hostile_run(evil), path)
        browser.open(path, script=script)
        assert browser.messages == [] and browser.requests == [path.as_uri()]
        assert browser.evaluate("document.title").startswith("fail: ")
        assert browser.evaluate("document.querySelectorAll('h1').length") == 1
        assert browser.evaluate("document.querySelectorAll('script:not([type])').length") == 1
        assert browser.evaluate("document.querySelectorAll('img, iframe, [onmouseover], [onerror]').length") == 0


def test_an_arrow_that_is_come_to_shows_its_message_and_the_others_step_back(
    browser: Chromium, pages: dict[str, Path]
) -> None:
    seen = "getComputedStyle(document.querySelector('.message.about .tip')).visibility"
    others = "getComputedStyle([...document.querySelectorAll('.message.about')].at(-1)).opacity"
    browser.open(pages["heard"], script=False)
    assert (browser.evaluate(seen), browser.evaluate(others)) == ("hidden", "1")
    browser.evaluate("document.querySelector('.message.about').focus()")
    browser.press("Shift", 16)
    assert browser.evaluate(seen) == "visible"
    assert float(browser.evaluate(others)) < 0.5


def test_following_an_arrow_leads_to_its_row_in_the_table(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.open(pages["heard"], script=False)
    browser.evaluate("location.hash = document.querySelector('.message.about').getAttribute('href')")
    assert browser.evaluate("document.querySelector(':target').closest('details').open") is True
    assert "key" in browser.evaluate("document.querySelector(':target').textContent")


def test_even_markup_that_got_through_could_do_nothing(
    browser: Chromium, pages: dict[str, Path], tmp_path: Path
) -> None:
    take = "document.title = 'taken'"
    evil = f'<script>{take}</script><img src=x onerror="{take}"><style>h1{{display:none}}</style>'
    page = pages["passing"].read_text(encoding="utf-8").replace("<h1", evil + "<h1", 1)
    (tmp_path / "broken.html").write_text(page, encoding="utf-8")
    browser.open(tmp_path / "broken.html")
    assert browser.evaluate("document.title").startswith("pass: raft")
    assert browser.evaluate("getComputedStyle(document.querySelector('h1')).display") != "none"
    assert any("Content Security Policy" in message for message in browser.messages)


def test_a_violation_without_operations_is_still_told(browser: Chromium, tmp_path: Path) -> None:
    run = failing()
    [(claim, anomaly)] = run.anomalies
    bare = dataclasses.replace(anomaly, ops=())
    run = dataclasses.replace(run, claims=[dataclasses.replace(claim, anomalies=(bare,))])
    save(run, tmp_path / "bare.html")
    browser.open(tmp_path / "bare.html")
    assert anomaly.message in browser.evaluate("document.querySelector('.violation').innerText")
