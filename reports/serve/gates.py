"""The kept answers of gates, `gates/<claims file>.json`, as far as they are of the form of `harness.gate.answer`.

The form is checked piece by piece: what is missing or of another type is empty, and what is no answer at all says so.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from reports.serve.facts import STATES
from reports.serve.query import WORST
from reports.serve.store import Missing, RunName, Store, entries, named, whole
from reports.text import show

FOLDER = "gates"
BYTES_MAX = 8 << 20
GATES_MAX = 200
CASES_MAX = 2000
WITNESS_MAX = 40


@dataclass(frozen=True, slots=True)
class Shown:
    """The violation that decided a case. `run` is its folder below this store's, if it was kept there."""

    seed: str
    anomaly: str
    message: str
    witness: tuple[str, ...]
    command: str
    run: RunName | None


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """One claim against one target."""

    name: str
    target: str
    workload: str
    nemeses: str
    verdict: str
    why: str
    runs: int
    shown: Shown | None
    known: int


@dataclass(frozen=True, slots=True)
class GateFacts:
    """One answer. `problem` says what is wrong with the file; the rest is empty then."""

    name: str
    written_s: float
    file: str = ""
    verdict: str = "unreadable"
    runs: int = 0
    seconds: float = 0.0
    cases: tuple[CaseFacts, ...] = ()
    problem: str = ""

    def count(self, verdict: str) -> int:
        """How many cases have this verdict."""
        return sum(case.verdict == verdict for case in self.cases)


def every(store: Store) -> list[GateFacts]:
    """All answers, the latest first."""
    with suppress(Missing), store.folder(FOLDER) as folder:
        names = [name for name in entries(folder) if name.endswith(".json")]
        found = []
        for name in names[:GATES_MAX]:
            with suppress(Missing, OSError):
                if stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    found.append(one(store, name.removesuffix(".json")))
        return sorted(found, key=lambda gate: gate.written_s, reverse=True)
    return []


def one(store: Store, name: str) -> GateFacts:
    """The answer of that name. Raises `Missing` if there is none."""
    file = f"{named(name)}.json"
    with store.file(FOLDER, file) as descriptor:
        written_s = os.fstat(descriptor).st_mtime
        try:
            found = json.loads(whole(descriptor, f"{FOLDER}/{file}", BYTES_MAX))
        except Missing as problem:
            return GateFacts(name, written_s, problem=str(problem))
        except (ValueError, RecursionError) as problem:
            return GateFacts(name, written_s, problem=f"{file} is not JSON: {show(str(problem))}")
    if not isinstance(found, dict) or found.get("verdict") not in STATES[:4]:
        return GateFacts(name, written_s, problem=f"{file} is JSON, but no answer as `splitbrain gate` keeps it")
    cases = [_case(raw, store) for raw in _list(found.get("cases"))[:CASES_MAX] if isinstance(raw, dict)]
    cases.sort(key=lambda case: WORST.index(case.verdict))
    return GateFacts(
        name,
        written_s,
        _text(found.get("file")),
        found["verdict"],
        _whole(found.get("runs")),
        _number(found.get("seconds")) or 0.0,
        tuple(cases),
    )


def _case(raw: Mapping[str, Any], store: Store) -> CaseFacts:
    shown = raw.get("shown")
    verdict = raw.get("verdict")
    return CaseFacts(
        _text(raw.get("name")),
        _text(raw.get("target")),
        _text(raw.get("workload")),
        ", ".join(filter(None, map(_text, _list(raw.get("nemeses"))[:16]))),
        verdict if verdict in STATES[:4] else "error",
        _text(raw.get("why"), 400),
        _whole(raw.get("runs")),
        _shown(shown, store) if isinstance(shown, dict) else None,
        len(_list(raw.get("known"))),
    )


def _shown(raw: Mapping[str, Any], store: Store) -> Shown:
    run = None
    with suppress(Missing, ValueError):
        name = RunName.of("/".join(str(raw.get("run") or "")[:1000].replace("\\", "/").rstrip("/").split("/")[-2:]))
        with store.folder(name.target, name.run):
            run = name
    witness = tuple(_text(line, 400) for line in _list(raw.get("witness"))[:WITNESS_MAX])
    anomaly, message = _text(raw.get("anomaly")), _text(raw.get("message"), 600)
    return Shown(_text(raw.get("seed")), anomaly, message, witness, _text(raw.get("command"), 1000), run)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any, chars_max: int = 120) -> str:
    return "" if isinstance(value, bool) or not isinstance(value, str | int | float) else show(value, chars_max)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else 0


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 53
    return float(value) if known else None
