"""axe-core in a page of the browser: what is in the way of who listens, uses keys, or sees little."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tests.reports.chromium import Chromium

JUDGED = """axe.run(document, {resultTypes: ["violations"]}).then(({violations}) =>
    violations.map(({id, nodes}) => [id, nodes.map(({html}) => html.slice(0, 120))]))"""


def judge(browser: Chromium) -> list[object]:
    """The violations in the page that is open; none is the aim."""
    # Of that package only the file of axe-core is used: it is the one way to have it from PyPI.
    package = find_spec("axe_playwright_python")
    assert package and package.origin, "axe-playwright-python is one of the dev dependencies"
    script = Path(package.origin).with_name("axe.min.js").read_text(encoding="utf-8")
    browser.evaluate(script + "\n;0")
    found: list[object] = browser.evaluate(JUDGED)
    return found
