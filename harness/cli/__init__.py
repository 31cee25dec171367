"""The command line. One module per command, imported only when that command runs, so that `splitbrain --help` is
quick."""

from __future__ import annotations

from harness.cli.main import main

__all__ = ["main"]
