"""Options of plugins, checked: each function returns a proper value or raises `UsageError` naming owner, option and
value.

Options come from YAML or the command line, so any JSON-like value may turn up where a number was meant; `True` is
never a number here.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from harness.errors import UsageError
from harness.units import duration_s


def duration(owner: str, name: str, value: Any, *, min_s: float, max_s: float) -> float:
    """Seconds, out of a number or a text such as `500ms`."""
    try:
        seconds = duration_s(value)
    except UsageError as problem:
        raise UsageError(f"{owner}: {name}: {problem}") from None
    if not min_s <= seconds <= max_s:
        raise UsageError(f"{owner}: {name} must lie between {min_s:g} s and {max_s:g} s, not {value!r}")
    return seconds


def interval(owner: str, value: Any) -> float:
    """A nemesis's `interval`, in seconds: from 10 ms to a day."""
    return duration(owner, "interval", value, min_s=0.01, max_s=86_400)


def integer(owner: str, name: str, value: Any, *, min: int, max: int) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or not min <= value <= max:
        raise UsageError(f"{owner}: {name} must be a whole number from {min:,} to {max:,}, not {value!r}")
    return value


def number(owner: str, name: str, value: Any, *, min: float, max: float) -> float:
    """A finite number."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not min <= value <= max:
        raise UsageError(f"{owner}: {name} must be a number from {min:g} to {max:g}, not {value!r}")
    return float(value)


def flag(owner: str, name: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise UsageError(f"{owner}: {name} is true or false, not {value!r}")
    return value


def chance(owner: str, name: str, value: Any) -> float:
    """A chance above 0 and at most 1, out of a number or a text such as `20%`."""
    share = value
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value)):
        share = float(match[1]) / 100
    fits = isinstance(share, int | float) and not isinstance(share, bool) and 0 < share <= 1
    if not fits:
        raise UsageError(f"{owner}: {name} must be a chance above 0 and at most 1, or 100%, not {value!r}")
    return float(share)


def choices(owner: str, name: str, value: Any, allowed: Collection[str]) -> tuple[str, ...]:
    """One or several names out of `allowed`, given as one name or a list."""
    raw = [value] if isinstance(value, str) else value
    if not isinstance(raw, list | tuple) or not raw or not all(item in allowed for item in raw):
        raise UsageError(f"{owner}: {name} must be one or several of {', '.join(allowed)}, not {value!r}")
    return tuple(raw)


def weights(owner: str, name: str, value: Any, allowed: Collection[str]) -> dict[str, int]:
    """Shares as whole numbers, at least one above zero, in the order of `allowed`: `{"read": 5, "write": 4}`."""
    if not isinstance(value, Mapping) or not value or not all(key in allowed for key in value):
        raise UsageError(f"{owner}: {name} must give shares to one or several of {', '.join(allowed)}, not {value!r}")
    shares = {key: integer(owner, f"{name}.{key}", value.get(key, 0), min=0, max=1_000_000) for key in allowed}
    if not any(shares.values()):
        raise UsageError(f"{owner}: {name} must give a share above zero to something, not {value!r}")
    return shares


def misfit(name: str, factory: Callable[..., Any], given: Collection[str], options: Mapping[str, Any]) -> str:
    """Why `factory` cannot be called with these options beside what it is `given` anyway; a sentence, empty if it
    can."""
    try:
        signature = inspect.signature(factory)
        signature.bind(**dict.fromkeys(given), **options)
    except TypeError as problem:
        takes = [parameter for parameter in signature.parameters if parameter not in given]
        if unknown := [option for option in options if option not in takes]:
            return f"{name} has no option {unknown[0]!r}: it has {', '.join(takes) or 'none'}"
        return f"{name}: {problem}: its options were {dict(options)}"
    return ""
