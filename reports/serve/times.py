"""Moments of the calendar, for people: UTC, so that two who look at a page speak of the same moment."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at_s: float) -> str:
    """`2026-01-31 12:00:05`, of seconds since the epoch."""
    return _at(at_s).strftime("%Y-%m-%d %H:%M:%S")


def machine(at_s: float) -> str:
    """The same for a machine, as the `datetime` of a `time` element."""
    return _at(at_s).strftime("%Y-%m-%dT%H:%M:%SZ")


def _at(at_s: float) -> datetime:
    try:
        return datetime.fromtimestamp(at_s, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
