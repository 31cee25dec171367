"""The command line as its users meet it: a process of its own, in an empty folder."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 240

SEEDS = (7, 8, 9)
"""For runs on real nodes. One that proves nothing, say because a slow machine was busy with starting a node while
another fault was in force, is done again with the next. One that fails has failed."""


class Splitbrain:
    """Runs `splitbrain` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, *words: str) -> list[str]:
        """The command of those words."""
        return [sys.executable, "-m", "harness.cli", *words]

    def environment(self, **more: str) -> dict[str, str]:
        """This process's environment, with the checkout on the path."""
        return {**os.environ, "PYTHONPATH": str(ROOT), **more}

    def __call__(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def on_terminal(self, *words: str, exit_code: int = 0, **environment: str) -> bytes:
        """Everything that it shows on a terminal of its own, from where it must end with this exit code."""
        reader, writer = pty.openpty()
        given = self.environment(TERM="xterm-256color", COLUMNS="160", **environment)
        given.pop("CI", None)
        running = subprocess.Popen(self.command(*words), cwd=self.folder, env=given, stdout=writer, stderr=writer)
        os.close(writer)
        seen = b""
        with suppress(OSError):  # how a pseudo-terminal says that nobody is left to write
            while piece := os.read(reader, 4096):
                seen += piece
        os.close(reader)
        assert running.wait(timeout=TIMEOUT_S) == exit_code, seen
        return seen

    def json(self, *words: str) -> Any:
        """What it prints with `--json`."""
        done = self(*words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def decided(self, *words: str) -> Any:
        """What a run prints with `--json` that, with one of the seeds, proves something; otherwise the last."""
        for seed in SEEDS:
            verdict = self.json(*words, "--seed", str(seed))
            if verdict["verdict"] != "inconclusive":
                break
        return verdict


@pytest.fixture
def splitbrain(tmp_path: Path) -> Splitbrain:
    return Splitbrain(tmp_path)


@pytest.fixture(scope="session")
def refused() -> Callable[[subprocess.CompletedProcess[str], int], str]:
    """Asserts that a command ended with a message and an exit code, without a traceback; returns the message."""

    def check(done: subprocess.CompletedProcess[str], code: int) -> str:
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr + done.stdout
        assert done.stderr.strip(), "there is a message"
        return done.stderr

    return check
