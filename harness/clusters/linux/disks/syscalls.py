"""System calls that are made to wait or fail, by strace: slow syncs and I/O errors for any program, also a static one.

`strace` stops the service at each of its system calls, so throughput drops for as long as such a fault is in force;
preloading a library would be cheaper and would miss Go. What a service syncs by io_uring is not seen. strace is told to
end when the thread that started it does, and lets go of the service then.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from harness.clusters.base import Impairment
from harness.clusters.linux import processes
from harness.errors import ClusterError

SYNCS = "fsync,fdatasync,sync_file_range,syncfs,msync"

ATTACH_S = 5.0
POLL_S = 0.005

_TRACER = re.compile(r"^TracerPid:\t(\d+)$", re.MULTILINE)


class Interposed:
    """The syncs of some processes under an impairment, until `lift`."""

    def __init__(self, node: str, impairment: Impairment) -> None:
        self._node = node
        self._how = (
            f"delay_enter={round(impairment.delay_ms * 1000)}"
            if impairment.kind == "slow"
            else f"error={impairment.error}"
        )
        self._strace: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        self._hit = 0

    def put(self, pids: Sequence[int]) -> dict[str, Any]:
        """Takes hold of every thread of these processes, instead of earlier ones. Raises `ClusterError`."""
        self._drop()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed when strace has ended
        command = ["setpriv", "--pdeathsig", "TERM", "strace", "-f", "-qq", "-e", "signal=none"]
        command += ["-e", f"trace={SYNCS}", "-e", f"inject={SYNCS}:{self._how}"]
        for pid in pids:
            command += ["-p", str(pid)]
        self._strace = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._said, start_new_session=True
        )
        deadline = time.monotonic() + ATTACH_S
        while (left := self._untraced(pids)) and time.monotonic() < deadline and self._strace.poll() is None:
            time.sleep(POLL_S)
        if left:
            said = self._text().strip().splitlines()[-1:] or ["it says nothing"]
            self._drop()
            raise ClusterError(f"{self._node}: strace does not get hold of thread {left[0]}: {said[0][:200]}")
        return {"traced_threads": sum(len(_threads(pid)) for pid in pids), "injects": self._how}

    def lift(self) -> dict[str, Any]:
        """Lets go; returns how many syncs suffered."""
        self._drop()
        return {"injected_syncs": self._hit}

    def _untraced(self, pids: Sequence[int]) -> list[int]:
        assert self._strace is not None
        return [thread for pid in pids for thread in _threads(pid) if _tracer(pid, thread) != self._strace.pid]

    def _drop(self) -> None:
        strace, self._strace = self._strace, None
        if strace is not None:
            strace.send_signal(signal.SIGTERM)
            strace.wait()
            text = self._text()
            self._hit += text.count("(DELAYED)") + text.count("(INJECTED)")
        if self._said is not None:
            self._said.close()
            self._said = None

    def _text(self) -> str:
        assert self._said is not None
        self._said.seek(0)
        return self._said.read().decode("utf-8", "replace")


@lru_cache(maxsize=1)
def problem() -> str | None:
    """Why system calls cannot be tampered with here, or None. Tries it on a child."""
    for program in ("strace", "setpriv"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    probe = ["strace", "-f", "-qq", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "sync", "/"]
    tried = subprocess.run(probe, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if b"(INJECTED)" not in tried.stderr:
        said = tried.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it says nothing"]
        return f"strace cannot tamper with system calls here: {said[0][:200]}"
    return None


def _threads(pid: int) -> list[int]:
    try:
        return [thread.pid for thread in processes.threads(pid) if thread.state not in processes.DEAD_STATES]
    except ProcessLookupError:
        return []


def _tracer(pid: int, thread: int) -> int:
    try:
        found = _TRACER.search(Path(f"/proc/{pid}/task/{thread}/status").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return 0
    return int(found[1]) if found else 0
