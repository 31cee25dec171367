"""The program that delays packets, as seen by whoever started it."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import harness
from harness.clusters.base import Shape
from harness.errors import ClusterError

PROGRAM = "harness.clusters.linux.delays"
TIMEOUT_S = 10.0

_HERE = str(Path(harness.__file__).parent.parent)
"""Where Python finds this very package: a directory, or an archive."""


class Delays:
    """A running program. Methods block for as long as it takes to answer."""

    def __init__(self, entering: Callable[[Sequence[str]], list[str]], table: str, owner: str, peers: Sequence[str]):
        """Starts it where `entering` (see `ServiceNode`) leads. Nothing is delayed yet. Raises `ClusterError`."""
        command = entering([sys.executable, "-m", PROGRAM, table, owner, *peers])
        environment = {**os.environ, "PYTHONPATH": _HERE}
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
        except OSError as problem:
            raise ClusterError(f"{command[0]} cannot be started: {problem.strerror}") from problem
        self._said = b""
        try:
            self._listen()
        except ClusterError:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def reshape(self, shape: Shape) -> dict[str, int]:
        """Puts a shape in force for what is sent from now on; returns the counters until now. Raises `ClusterError`
        when it is gone."""
        return self._ask(asdict(shape))

    def stop(self) -> None:
        """Ends it: what waits is sent at once, and its table is gone. Again is fine."""
        assert self._process.stdin and self._process.stdout
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _ask(self, question: Mapping[str, Any]) -> dict[str, int]:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as gone:
            raise ClusterError("the program that delays packets is gone") from gone
        return self._listen()

    def _listen(self) -> dict[str, int]:
        assert self._process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._said:
                if not selector.select(TIMEOUT_S):
                    raise ClusterError(f"the program that delays packets did not answer within {TIMEOUT_S:g} s")
                read = os.read(self._process.stdout.fileno(), 65536)
                if not read:
                    raise ClusterError("the program that delays packets is gone")
                self._said += read
        line, _, self._said = self._said.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ClusterError(f"packets cannot be queued: {answer['error']}")
        return answer
