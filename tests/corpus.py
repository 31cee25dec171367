"""Histories with known verdicts, kept beside the repository; tests that need them are skipped where they are not.

In CI nothing is skipped: a folder that is absent there is an error while tests are collected.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).resolve().parents[1].parent / "shared" / "corpus"


@dataclass(frozen=True, slots=True)
class Case:
    """One history file and what is known about it, from its folder's `expected.json`."""

    path: Path
    expected: dict[str, Any]


def folder(name: str) -> Path | None:
    """A folder of the corpus, or None where it is absent. Raises FileNotFoundError if that is in CI."""
    path = CORPUS / name
    if path.is_dir():
        return path
    if os.environ.get("CI"):
        raise FileNotFoundError(f"no verdict goes unchecked in CI, but there is no corpus at {path}")
    return None


def require(name: str) -> Path:
    """A folder of the corpus; skips the test where it is absent."""
    path = folder(name)
    if path is None:
        pytest.skip(f"the corpus is not beside the repository: {CORPUS / name}")
    return path


def load(name: str) -> list[Case]:
    """All cases of a folder, in order of their names; none where it is absent."""
    path = folder(name)
    if path is None:
        return []
    expected: dict[str, dict[str, Any]] = json.loads((path / "expected.json").read_text())
    return [Case(path / file, known) for file, known in sorted(expected.items())]


def cases(*names: str) -> list[Any]:
    """The cases of these folders as parameters of a test, named `folder/file`; an absent folder is a skipped one."""
    params: list[Any] = []
    for name in names:
        found = [pytest.param(case, id=f"{name}/{case.path.name}") for case in load(name)]
        absent = pytest.param(None, id=name, marks=pytest.mark.skip(reason=f"no corpus at {CORPUS / name}"))
        params += found or [absent]
    return params
