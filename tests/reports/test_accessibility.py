"""Every page, as axe-core judges it: nothing in the way of who listens, uses keys, or sees little."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.axe import judge
from tests.reports.chromium import Chromium
from tests.reports.test_browser import PAGES, browser, pages

pytestmark = pytest.mark.browser

__all__ = ["browser", "pages"]

UNFOLDED = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
PAUSE = "new Promise((done) => setTimeout(done, 500))"


@pytest.mark.parametrize("name", [name for name in PAGES if name != "many"])  # which is `compare` with more columns
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_in_the_way(browser: Chromium, pages: dict[str, Path], name: str, dark: bool) -> None:
    browser.open(pages[name], dark=dark)
    browser.evaluate(PAUSE)
    browser.evaluate(UNFOLDED)
    assert judge(browser) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("fragment", ["#violation=1", "#op=400&by=key&filter=read"], ids=["violation", "operation"])
def test_nor_in_the_timeline_with_something_chosen(
    browser: Chromium, pages: dict[str, Path], fragment: str, dark: bool
) -> None:
    browser.open(pages["failing"], fragment, dark=dark, motion=False)
    browser.evaluate(PAUSE)
    assert browser.evaluate("document.querySelector('#timeline .chosen').checkVisibility()")
    assert judge(browser) == []


def test_what_is_wrong_would_be_found(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.open(pages["passing"])
    browser.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert [found[0] for found in judge(browser)] == ["button-name"]  # type: ignore[index]
