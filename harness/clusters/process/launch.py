"""Starting an agent and ending it, from the controller's side."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.clusters.linux import processes
from harness.clusters.linux.agent.protocol import decode, encode, unpack_error
from harness.clusters.linux.identity import Identity
from harness.errors import ClusterError

BUILD_TIMEOUT_S = 30.0
LEAVE_TIMEOUT_S = 2.0
END_TIMEOUT_S = 5.0
_ANSWER_BYTES_MAX = 1 << 20

MODULE = "harness.clusters.process.agent"

_OURS = Path(__file__).parents[3]


def environment() -> dict[str, str]:
    """What the nodes' programs inherit of the controller's environment: where programs and Python's modules are, and
    nothing that could be a secret."""
    path = os.environ.get("PATH", os.defpath)
    return {
        "PATH": f"{path}:/usr/local/sbin:/usr/sbin:/sbin",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "PYTHONPATH": os.pathsep.join([*(os.path.abspath(entry) for entry in sys.path), str(_OURS)]),  # noqa: PTH100
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def end_orphan(agent: Identity) -> str | None:
    """Sees an agent off whose controller is dead: it goes by itself, unless somebody stopped it. Says so if it had to
    be killed."""
    if not agent.alive() or not processes.wait_gone([agent.pid], LEAVE_TIMEOUT_S):
        return None
    for number in (signal.SIGTERM, signal.SIGKILL):
        if agent.alive():
            processes.send([agent.pid], number)
            processes.send([agent.pid], signal.SIGCONT)
            processes.wait_gone([agent.pid], LEAVE_TIMEOUT_S)
    return f"agent {agent.pid}"


class AgentProcess:
    """One agent: a process of this machine, and all that lives in its namespaces. Methods block."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._log = Path(os.devnull)

    @property
    def identity(self) -> Identity:
        """The outermost of its processes. Raises `ClusterError` when it has ended already."""
        assert self._process is not None, "spawned"
        try:
            return Identity.of(self._process.pid)
        except ProcessLookupError as gone:
            raise ClusterError(f"the nodes' agent died at its start{self._last_words()}") from gone

    def spawn(self, log: Path) -> None:
        """Starts it, to log to that file. It does nothing before it is told what to build."""
        self._log = log
        self._control, theirs = socket.socketpair()
        with theirs, log.open("ab") as errors:
            # Without site, which takes as long as making the nodes: it needs nothing but the standard library and us.
            # A session of its own: Ctrl-C in a terminal is for the controller, which then says goodbye in its own time.
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-m", MODULE, str(theirs.fileno())],
                env={**os.environ, **environment()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def build(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Has it make the nodes; returns what it says. Raises what it raised, or `ClusterError`."""
        assert self._control is not None, "spawned"
        self._control.settimeout(BUILD_TIMEOUT_S)
        answer = bytearray()
        try:
            self._control.sendall(encode(order))
            while not answer.endswith(b"\n"):
                data = self._control.recv(_ANSWER_BYTES_MAX)
                if not data:
                    raise ClusterError(f"the nodes' agent died at its start{self._last_words()}")
                answer += data
        except OSError as problem:
            raise ClusterError(f"the nodes' agent does not answer: {problem}{self._last_words()}") from problem
        said = decode(bytes(answer))
        if "error" in said:
            raise unpack_error(said["error"])
        return said

    def control(self) -> socket.socket:
        """The socket to it, which the caller takes over."""
        assert self._control is not None, "spawned"
        control, self._control = self._control, None
        return control

    def end(self) -> None:
        """Ends it, and returns once all its processes are gone. Idempotent. Raises `ClusterError` when it resists."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is None:
            return
        try:
            self._process.terminate()
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired as resisting:
            self._process.kill()
            raise ClusterError(f"the nodes' agent (process {self._process.pid}) had to be killed") from resisting

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        return f"; the last lines it wrote:\n{chr(10).join(lines[-10:])}" if lines else ""
