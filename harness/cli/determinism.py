"""Pins what Python itself randomises, so that a simulated run depends on its plan alone."""

from __future__ import annotations

import os
import sys

_PINNED = "0"


def pin_hashes() -> None:
    """Starts this process again with PYTHONHASHSEED=0, unless that is how it runs already.

    Sets of strings are ordered by their hashes, which Python salts per process; a store or a plugin that walks over
    one would otherwise give another history each time. The seed can only be set before the interpreter starts, hence
    the exec. Whoever calls this first thing pays little for it: what had been imported is imported again.
    """
    if os.environ.get("PYTHONHASHSEED") == _PINNED or not sys.orig_argv:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONHASHSEED": _PINNED})
