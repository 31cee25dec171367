"""The shell of every page: one file, no network, harmless whatever is in it.

Two walls stand between a target's values and the reader's browser. Jinja2 escapes everything, and every expression
passes `clean` first. Should something get through nevertheless, the page's own security policy names the one script
and the one style sheet by their hashes, so that nothing else runs, loads, or leaves.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.errors import RecordingError
from reports.text import FILTERS, clean

STYLES = ("style.css", "charts.css", "print.css")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._:/-]")


@cache
def environment() -> Environment:
    """The templates, with autoescape on and every expression cleaned."""
    made = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    return made


def _finalize(value: Any) -> Any:
    if isinstance(value, Markup):
        return value
    return "" if value is None else clean(str(value))


def render(template: str, *, footer: str, **context: Any) -> str:
    """A page. `footer` stands at the foot of every printed sheet."""
    folder = files("reports") / "templates"
    printed = _NOT_PLAIN.sub("?", footer[:120])
    style = "".join((folder / name).read_text(encoding="utf-8") for name in STYLES) + _PRINTED.format(footer=printed)
    script = (folder / "script.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    page = environment().get_template(template)
    return page.render(style=Markup(style), script=Markup(script), policy=policy, **context)


_PRINTED = '@page{{@bottom-left{{content:"{footer}"}}@bottom-right{{content:counter(page) " / " counter(pages)}}}}\n'


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def write(path: Path, text: str) -> Path:
    """Writes a page whole: a reader sees the old one or the new one. Raises `RecordingError`."""
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(path)
    except OSError as problem:
        draft.unlink(missing_ok=True)
        raise RecordingError(f"cannot write {path}: {problem.strerror}") from problem
    return path
