"""What all tests share."""

from __future__ import annotations

import signal

import pytest

CLUSTERS = ("docker", "process", "ssh")
"""The marks of tests on real nodes."""


def pytest_configure() -> None:
    """Gives Ctrl-C its usual meaning back: a shell's background jobs, CI's among them, begin with it ignored, and so
    would every process that a test interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives each kind of real cluster to one worker, where work is shared out by groups: a run begins by removing what
    dead runs of its kind left, which a test beside it might be about to look at."""
    for item in items:
        kind = next((name for name in CLUSTERS if item.get_closest_marker(name)), None)
        if kind is not None:
            item.add_marker(pytest.mark.xdist_group(kind))
