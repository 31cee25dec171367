"""The shell of every page: one file, no network, harmless whatever is in it.

Two walls stand between a target's values and the reader's browser. Jinja2 escapes everything, and every expression
passes `clean` first. Should something get through nevertheless, the page's own security policy names the one script
and the one style sheet by their hashes, so that nothing else runs, loads, or leaves.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
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
SCRIPT = "script.js"
_TIMELINE = (
    "operations",
    "filter",
    "lanes",
    "looks",
    "canvas",
    "details",
    "charts",
    "pointer",
    "keys",
    "address",
    "main",
)
_BARE = re.compile(r"^[ \t]*//.*\n|^[ \t]+|^\n", re.MULTILINE)
"""What a script is read by but not run by: lines that are comments, indentation, empty lines."""
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


@dataclass(frozen=True, slots=True)
class Shell:
    """What a kind of page has beside its text: style sheets, script, and what its security policy allows it to do."""

    styles: tuple[str, ...] = STYLES
    scripts: tuple[str, ...] = (SCRIPT,)
    allows: str = "form-action 'none'"


FILE = Shell()
"""A page that is a file of its own: it sends nothing, and asks for nothing."""

REPORT = Shell(styles=(*STYLES, "timeline.css"), scripts=(SCRIPT, *(f"timeline/{noun}.js" for noun in _TIMELINE)))
"""The report of a run, which has a timeline."""


def render(template: str, *, footer: str, shell: Shell = FILE, **context: Any) -> str:
    """A page. `footer` stands at the foot of every printed sheet."""
    style = "".join(map(_part, shell.styles)) + _PRINTED.format(footer=_NOT_PLAIN.sub("?", footer[:120]))
    script = _script(shell)
    policy = (
        f"default-src 'none'; script-src {hashed(script)}; style-src {hashed(style)}; "
        f"img-src data:; base-uri 'none'; {shell.allows}"
    )
    page = environment().get_template(template)
    return page.render(style=Markup(style), script=Markup(script), policy=policy, **context)


_PRINTED = '@page{{@bottom-left{{content:"{footer}"}}@bottom-right{{content:counter(page) " / " counter(pages)}}}}\n'


def script_policy() -> str:
    """The source expressions that allow the scripts of pages that are files, and no others."""
    return f"{hashed(_script(FILE))} {hashed(_script(REPORT))}"


@cache
def _script(shell: Shell) -> str:
    """Its scripts as one, in a scope of their own."""
    return f'"use strict";\n(() => {{\n{_BARE.sub("", "".join(map(_part, shell.scripts)))}}})();\n'


@cache
def _part(name: str) -> str:
    return (files("reports") / "templates" / name).read_text(encoding="utf-8")


def hashed(text: str) -> str:
    """The source expression of a security policy that allows this text inline."""
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
