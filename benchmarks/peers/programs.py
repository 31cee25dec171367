"""The programs that judge files: our own, and Porcupine, the linearizability checker in Go.

They take the same options and print the same JSON lines. Porcupine is built from source where it is needed, into a
temporary folder: Go keeps what it compiled, so that takes a moment.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FOLDER = Path(__file__).parent
OURSELVES = (sys.executable, str(FOLDER / "splitbrain.py"))
READING_S = 300.0
"""A process that takes this much longer than it may judge is ended."""

Answer = dict[str, Any]
"""One line: `file, verdict` (ok, illegal, unknown, out of memory)`, seconds, cpu_seconds, read_seconds, operations,
added_bytes, peak_bytes`."""


class PeerMissing(Exception):
    """There is no peer to compare with; the message says why."""


@contextmanager
def porcupine() -> Iterator[tuple[str, ...]]:
    """The command, which works as long as the context lasts. Raises `PeerMissing`."""
    go = shutil.which("go")
    if go is None:
        raise PeerMissing("there is no Go toolchain")
    with TemporaryDirectory() as folder:
        program = f"{folder}/porcupine"
        command = [go, "build", "-buildvcs=false", "-o", program, "."]
        built = subprocess.run(command, cwd=FOLDER / "porcupine", capture_output=True, text=True)
        if built.returncode:
            raise PeerMissing(f"Go cannot build it: {built.stderr.strip()}")
        yield (program,)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one check may cost, ours or a peer's."""

    seconds: float
    megabytes: int


def answers(program: Sequence[str], limits: Limits, paths: Sequence[Path], *options: str) -> list[Answer]:
    """What a program says about files, in their order; it is ended if it forgets its limits.

    A peer that ran out of memory says nothing about the files after that. Raises `CalledProcessError` if it fails.
    """
    bounds = (f"--seconds={limits.seconds}", f"--megabytes={limits.megabytes}")
    command = [*program, *bounds, *options, *map(str, paths)]
    patience = len(paths) * limits.seconds + READING_S
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=patience).stdout
    return [json.loads(line) for line in told.splitlines()]
