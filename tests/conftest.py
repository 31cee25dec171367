"""What all tests share."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Gives Ctrl-C its usual meaning back: a shell's background jobs, CI's among them, begin with it ignored, and so
    would every process that a test interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
