"""The run's folder: `runs/<target>/<time>-<seed>/`, everything needed to repeat, re-judge and show one run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import RecordingError, UsageError

FORMAT = 1
"""The form of what a run's folder holds, as verdict.json tells it. The first runs told none; they are read as well. It
grows when somebody who knows only the form before would misread a folder, not when something is added to one."""

_EPOCH = "epoch.json"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Epoch:
    """When a run's time began: by the clock of its cluster, and by the controller's wall clock, both in ns. The nodes'
    logs are written by such clocks."""

    cluster_ns: int
    utc_ns: int


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run on disk. Its files are written as the run goes on; any may be missing when the controller died."""

    path: Path

    @classmethod
    def create(cls, root: Path, target: str, seed: int) -> RunFolder:
        """Makes a new, empty folder. Raises `RecordingError` when the disk does not let it."""
        name = _UNSAFE.sub("_", target).strip(".") or "target"
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        try:
            for attempt in range(1000):
                path = root / name / (f"{stamp}-{seed}" + (f"-{attempt}" if attempt else ""))
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                return cls(path)
        except OSError as problem:
            raise RecordingError(f"cannot make a folder for the run below {root}: {problem.strerror}") from problem
        raise RecordingError(f"a thousand runs of {target} with seed {seed} began in this second below {root}")

    @classmethod
    def find(cls, path: Path) -> RunFolder:
        """The folder of a run named by itself or by one of its files. Raises `UsageError`."""
        folder = path.parent if path.is_file() else path
        if not (folder / "plan.yaml").is_file():
            raise UsageError(f"{path} is not a run: expected a folder with a plan.yaml, as `splitbrain run` prints it")
        return cls(folder)

    @property
    def plan(self) -> Path:
        return self.path / "plan.yaml"

    @property
    def history(self) -> Path:
        return self.path / "history.arrow"

    @property
    def faults(self) -> Path:
        return self.path / "faults.jsonl"

    @property
    def verdict(self) -> Path:
        return self.path / "verdict.json"

    @property
    def messages(self) -> Path:
        return self.path / "messages.jsonl"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def write(self, file: Path, text: str) -> None:
        """Writes one of the files whole: readers see the old or the new text, never half of it.

        Raises `RecordingError`.
        """
        draft = file.with_name(file.name + ".part")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(file)
        except OSError as problem:
            draft.unlink(missing_ok=True)
            raise RecordingError(f"cannot write {file}: {problem.strerror}") from problem

    def write_epoch(self, epoch: Epoch) -> None:
        """epoch.json: when the run's time began."""
        self.write(self.path / _EPOCH, json.dumps(asdict(epoch)) + "\n")

    def epoch(self) -> Epoch | None:
        """The same, read back; None for a run that did not tell."""
        try:
            found = json.loads((self.path / _EPOCH).read_text(encoding="utf-8"))
            return Epoch(int(found["cluster_ns"]), int(found["utc_ns"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_verdict(self, verdict: Mapping[str, Any]) -> None:
        """verdict.json: the object that `run --json` prints."""
        self.write(self.verdict, json.dumps(verdict, indent=1, ensure_ascii=False) + "\n")

    def write_faults(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """faults.jsonl: one fault a line, with span and evidence."""
        self.write(self.faults, "".join(json.dumps(fault, ensure_ascii=False) + "\n" for fault in faults))
