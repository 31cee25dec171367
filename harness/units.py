"""Durations, sizes and rates as people write them: `500ms`, `60s`, `2m`, `4GB`, `1mbit`."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from harness.errors import UsageError

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|min|h)?\s*")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, None: 1.0}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?\s*", re.IGNORECASE)
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)bit\s*", re.IGNORECASE)
_KBIT = {"": 1e-3, "k": 1.0, "m": 1e3, "g": 1e6}
_BYTES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def duration_s(text: object) -> float:
    """Seconds out of `60s`, `500ms`, `2m`, or a plain number of seconds. Raises `UsageError`."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        if math.isfinite(text) and text >= 0:
            return float(text)
    elif isinstance(text, str) and (match := _DURATION.fullmatch(text)):
        return float(match[1]) * _SECONDS[match[2]]
    raise UsageError(f"{text!r} is not a duration: write a number with a unit, such as 60s, 500ms or 2m")


def size_bytes(text: object) -> int:
    """Bytes out of `4GB`, `512MB` (powers of 1024, as memory is counted) or a plain number of bytes.

    Raises `UsageError`.
    """
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    if isinstance(text, str) and (match := _SIZE.fullmatch(text)):
        return int(float(match[1]) * _BYTES[(match[2] or "")[:1].lower()])
    raise UsageError(f"{text!r} is not a size: write a number with a unit, such as 4GB or 512MB")


def rate_kbit(text: object) -> float:
    """Kilobits per second out of `500kbit`, `1mbit` or `2gbit` (powers of 1000, as tc counts). Raises `UsageError`."""
    if isinstance(text, str) and (match := _RATE.fullmatch(text)):
        return float(match[1]) * _KBIT[match[2].lower()]
    raise UsageError(f"{text!r} is not a rate: write a number of bits per second with a unit, such as 500kbit or 1mbit")


def format_duration(seconds: float) -> str:
    """The shortest exact form that `duration_s` reads back: `60s`, `500ms`, `2.5s`."""
    if seconds and seconds < 1 and (seconds * 1000).is_integer():
        return f"{int(seconds * 1000)}ms"
    whole = f"{Decimal(repr(seconds)):f}"  # repr is exact, and shortest; Decimal spells its exponent out
    return whole.removesuffix(".0") + "s"
