"""Programs of this machine, run to their end."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence

from harness.clusters.linux.node import Done
from harness.errors import ClusterError

Enter = Callable[[Sequence[str], bytes, float], Done]
"""Something that runs a command line with an input within so many seconds: `run`, or a node's `enter`."""


def found(program: str) -> str | None:
    """Where a program is, also in the system's own directories: they are missing from a PATH that was inherited from a
    user's."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def run(argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 10.0) -> Done:
    """Runs a command line without a shell. Raises `ClusterError` when it cannot be started or does not end in time; it
    is killed then."""
    program = found(argv[0])
    if program is None:
        raise ClusterError(f"{argv[0]} is not installed")
    try:
        done = subprocess.run([program, *argv[1:]], input=stdin, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as slow:
        raise ClusterError(f"{argv[0]} did not answer within {timeout_s:g} s") from slow
    except OSError as problem:
        raise ClusterError(f"{argv[0]} cannot be started: {problem.strerror}") from problem
    return Done(done.returncode, done.stdout, done.stderr)
