"""Who stays behind when a controller is killed: a process of its own session that removes the run once the lease is
over, so that no container is left running, and no fault in force, until somebody thinks of `splitbrain clean`.

`python3 -m harness.clusters.docker.warden RUN LEASE_S`, with a pipe from the controller as its standard input. It waits
for the pipe's end. If the run's record is gone by then it has nothing to do, and ends; else it waits for the lease, or
for whoever cleans up first, and then removes what the record names, as the next start would.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.clusters.docker import remove
from harness.clusters.linux import ledger
from harness.clusters.linux.agent.server import LEASE_S
from harness.clusters.linux.identity import Identity
from harness.errors import ClusterError

MODULE = "harness.clusters.docker.warden"

POLL_S = 0.2
ATTEMPTS = 10
PATIENCE_S = 6.0
"""An engine that does not answer, or does not remove something, is asked again this often, and after so long. Then the
record is left to the next start."""

END_TIMEOUT_S = 5.0


class Warden:
    """The controller's side."""

    def __init__(self, *, lease_s: float = LEASE_S) -> None:
        self._lease_s = lease_s
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, record: ledger.Record) -> Identity:
        """Starts it for a run whose record is on disk; returns who it is. Raises `ClusterError`."""
        paths = [*(os.path.abspath(entry) for entry in sys.path), str(Path(__file__).parents[3])]  # noqa: PTH100
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, record.run, str(self._lease_s)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            return Identity.of(self._process.pid)
        except OSError as problem:
            raise ClusterError(f"the run's warden cannot be started: {problem}") from problem

    def dismiss(self) -> None:
        """Ends it, once the run is gone. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None, "it was made with a pipe"
        process.stdin.close()
        # It would end by itself; what it may have in hand can be dropped at any point.
        process.kill()
        process.wait(END_TIMEOUT_S)


def watch(run: str, lease_s: float) -> None:
    """The warden's whole life, from the day its controller is gone."""
    deadline = time.monotonic() + lease_s
    while (record := _record(run)) is not None and (time.monotonic() < deadline or record.identity.alive()):
        time.sleep(POLL_S)
    for _ in range(ATTEMPTS):
        if (record := _record(run)) is None:
            return
        with suppress(ClusterError):
            remove.dead_run(record)
            return
        time.sleep(PATIENCE_S)


def _record(run: str) -> ledger.Record | None:
    return next((record for record in ledger.records() if record.run == run), None)


def main(arguments: Sequence[str]) -> None:
    """The command line, without the program's name."""
    run, lease_s = arguments
    while os.read(0, 4096):
        pass
    watch(run, float(lease_s))


if __name__ == "__main__":
    main(sys.argv[1:])
