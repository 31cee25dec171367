"""Pins what Python itself randomises, so that a simulated run depends on its plan alone."""

from __future__ import annotations

import os
import sys

from harness.plan import Plan

_PINNED = "0"


def pin(plan: Plan) -> None:
    """Starts this process again with PYTHONHASHSEED=0 when the run is simulated and the seed is another.

    Sets of strings are ordered by their hashes, which Python salts per process; a store or a plugin that walks over
    one would otherwise give another history each time. The seed can only be set before the interpreter starts, hence
    the exec; it replaces the process before anything has been made (about 0.1 s). A plan whose seed was drawn is
    simply drawn again.
    """
    if plan.cluster.name == "sim":
        pin_hashes()


def pin_hashes() -> None:
    """Starts this process again with PYTHONHASHSEED=0, unless that is how it runs already."""
    if os.environ.get("PYTHONHASHSEED") == _PINNED or not sys.orig_argv:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONHASHSEED": _PINNED})
