"""Text for people: values a target returned made harmless, and numbers with their units.

Jinja2 escapes `<`, `&` and quotes, which keeps a value from becoming markup. It does not keep it from lying: a
right-to-left override turns a line round, a NUL or a lone surrogate breaks the file, a megabyte hides the next
finding. So every text that reaches a page goes through `clean` (the environment applies it to each expression), and
every value through `show`, which also bounds its length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

VALUE_CHARS_MAX = 240
TEXT_CHARS_MAX = 4000

# Control characters but tab and newline, the soft hyphen, what is invisible or steers direction, unpaired surrogates,
# non-characters.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff0-\uffff]"
)
_DIGITS = re.compile(r"\d+")


def clean(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """The text with harmful characters written as escapes (`\\u202e`), cut after `chars_max` characters with a note
    that says so.
    """
    kept = neutral(text[:chars_max])
    return kept if len(text) <= chars_max else f"{kept} … (the first {chars_max:,} of {len(text):,} characters)"


def neutral(text: str) -> str:
    """The text with harmful characters written as escapes, however long it is."""
    return _HARMFUL.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def show(value: Any, chars_max: int = VALUE_CHARS_MAX) -> str:
    """A JSON value on one line, as a person would write it: texts bare, all else as JSON, bounded in length."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return clean(text, chars_max).replace("\n", "\\n").replace("\t", "\\t")


def error_kind(error: Any) -> str:
    """What errors are grouped by: name and words, with numbers blurred, so that no address or id splits a group."""
    match error:
        case None:
            return "no error given"
        case str():
            words = error
        case [first, *_]:
            return error_kind(first)
        case {"current": _}:
            return "compare-and-set refused (another value was there)"
        case {"code": int() as code, **rest}:
            return f"code {code}: {_blurred(str(rest['text']))}" if rest.get("text") else f"code {code}"
        case {"type": kind, **rest} | {"kind": kind, **rest} | {"error": kind, **rest}:
            return f"{error_kind(kind)}: {_blurred(str(rest['text']))}" if rest.get("text") else error_kind(kind)
        case dict():
            words = ", ".join(map(str, error)) or "{}"
        case _:
            return show(error, 80)
    return _blurred(words)


def _blurred(words: str) -> str:
    return show(_DIGITS.sub("#", words[:400]).split("\n", 1)[0], 120)


def seconds(time_ns: float | None, digits: int = 3) -> str:
    """A point in time or a long duration: `12.034 s`; an en dash when there is none."""
    return "–" if time_ns is None else f"{time_ns / 1e9:,.{digits}f} s"


def duration(length_ns: float | None) -> str:
    """A duration to three significant digits in the unit that suits it: `870 µs`, `12.3 ms`, `4.05 s`."""
    if length_ns is None:
        return "–"
    for limit, unit in ((1e3, "ns"), (1e6, "µs"), (1e9, "ms")):
        if abs(length_ns) < limit * 0.9995:
            return f"{_three(length_ns / (limit / 1e3))} {unit}"
    return f"{_three(length_ns / 1e9)} s"


def rounded(length_ns: float) -> str:
    """A round duration without trailing zeros: `10 ms`, `500 ms`, `1 s`."""
    unit, size = next(
        (unit, size) for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1)) if length_ns >= size
    )
    return f"{length_ns / size:g} {unit}"


def _three(number: float) -> str:
    size = abs(number)
    return f"{number:,.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}" if number else "0"


def share(part: float, whole: float) -> str:
    """A percentage that never rounds to 100 or 0 what is not: `99.98 %`, `> 99.99 %`; an en dash of nothing."""
    if not whole:
        return "–"
    return percent(part / whole)


def percent(ratio: float | None) -> str:
    """The same of a ratio in 0..1."""
    if ratio is None:
        return "–"
    if ratio in (0, 1):
        return f"{ratio * 100:.0f} %"
    if ratio > 0.9999:
        return "> 99.99 %"
    if ratio < 0.0001:
        return "< 0.01 %"
    return f"{ratio * 100:.{2 if ratio > 0.99 or ratio < 0.01 else 1}f} %"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 fault`, `12,034 operations`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def flatten(value: Any, rows_max: int = 400) -> list[tuple[str, str]]:
    """Nested statistics as dotted names and values, in their order, at most `rows_max`."""
    rows: list[tuple[str, str]] = []

    def walk(name: str, item: Any) -> None:
        if isinstance(item, dict) and (item or not name):
            for key, inner in item.items():
                walk(f"{name}.{key}" if name else str(key), inner)
        elif len(rows) < rows_max:
            rows.append((show(name, 120), number(item)))

    walk("", value)
    return rows


def number(value: Any) -> str:
    """A statistic: whole numbers grouped, fractions to four digits, plain lists with commas, all else as JSON."""
    if isinstance(value, list | tuple) and all(isinstance(item, str | int | float) for item in value):
        return show(", ".join(map(str, value))) if value else "none"
    if isinstance(value, bool) or value is None or not isinstance(value, int | float):
        return show(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


FILTERS: dict[str, Callable[..., str]] = {
    "show": show,
    "seconds": seconds,
    "duration": duration,
    "percent": percent,
    "share": share,
    "count": count,
    "number": number,
}
