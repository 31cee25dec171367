"""What a report is made from: one finished run, as plain data.

`RunData` is built by the run itself, or read back from the run's folder, so a report can be made again at any time.
Nothing here judges: verdicts, evidence and coverage are shown as the run recorded them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import plan as plans
from harness.checker import Anomaly
from harness.errors import UsageError
from harness.judge import violations
from harness.messages import Heard
from harness.runs import FORMAT, RunFolder
from harness.verdict import Verdict
from reports.logs import Logs

if TYPE_CHECKING:
    from harness.history import History
    from harness.plan import Plan

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class NodeEvidence:
    """What was read back from one node about one fault:

    `applied`, `skipped` or `indeterminate`, measurements with units in their names, and why.
    """

    status: str
    measured: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """One injected fault.

    Times are ns since the run began; `end_ns` is None when it was never healed. `draw` is what the schedule chose,
    `resolved` whom it hit.
    """

    id: str
    family: str
    start_ns: int
    end_ns: int | None
    status: str
    draw: Mapping[str, Any] = field(default_factory=dict)
    resolved: Mapping[str, Any] = field(default_factory=dict)
    nodes: Mapping[str, NodeEvidence] = field(default_factory=dict)
    why: str = ""

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> FaultRecord:
        """From one object of `faults.jsonl`. Raises KeyError, TypeError or ValueError when it is no such object."""
        nodes = {
            str(name): NodeEvidence(str(one["status"]), one.get("measured") or {}, str(one.get("why") or ""))
            for name, one in (raw.get("nodes") or {}).items()
        }
        end_ns = raw["end_ns"]
        return cls(
            str(raw["id"]),
            str(raw["family"]),
            int(raw["start_ns"]),
            None if end_ns is None else int(end_ns),
            str(raw.get("status") or _overall(nodes.values())),
            raw.get("draw") or {},
            raw.get("resolved") or {},
            nodes,
            str(raw.get("why") or ""),
        )

    @property
    def hit(self) -> list[str]:
        """The nodes it hit: those named by `resolved`, else those that gave evidence."""
        named = self.resolved.get("drops") or self.resolved.get("nodes") or self.nodes
        return sorted(str(name) for name in named)

    @property
    def anchor(self) -> str:
        """The id of its row on a page."""
        return "fault-" + _UNSAFE.sub("-", self.id[:60])

    @property
    def applied(self) -> bool:
        """Whether it was in force for sure."""
        return self.status == "applied"


def _overall(nodes: Any) -> str:
    statuses = {one.status for one in nodes}
    return next((status for status in ("applied", "indeterminate") if status in statuses), "skipped")


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """One promise and its verdict. `expect` is the form of a claims file, `coverage` JSON as the run recorded it."""

    id: str
    expect: Any
    verdict: Verdict
    why: str = ""
    coverage: Any = None
    anomalies: tuple[Anomaly, ...] = ()

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> ClaimRecord:
        """From one object of `claims[]`. Raises KeyError, TypeError or ValueError when it is no such object."""
        anomalies = tuple(
            Anomaly(
                str(one["type"]),
                str(one["message"]),
                tuple(int(index) for index in one.get("ops") or ()),
                None if one.get("key") is None else str(one["key"]),
                one.get("details") or {},
            )
            for one in raw.get("anomalies") or ()
        )
        verdict = Verdict(raw["verdict"])
        return cls(
            str(raw["id"]), raw.get("expect"), verdict, str(raw.get("why") or ""), raw.get("coverage"), anomalies
        )

    @property
    def negated(self) -> bool:
        """Whether the claim documents a limit (`{not: linearizable}`): it passes when the violation is found."""
        return isinstance(self.expect, Mapping) and "not" in self.expect


@dataclass(frozen=True, slots=True)
class RunData:
    """One finished run.

    `command` repeats it; `time_s` is the length of the load; `stats` is JSON; `plan` the text of plan.yaml; `problem`
    what failed in the harness, if anything did; `messages` what was said round its violations, where that is known, and
    `logs` what its nodes wrote.
    """

    verdict: Verdict
    exit_code: int
    target: str
    workload: str
    cluster: str
    nodes: Sequence[str]
    seed: int
    time_s: float
    nemeses: Sequence[str]
    command: str
    claims: Sequence[ClaimRecord]
    faults: Sequence[FaultRecord]
    stats: Mapping[str, Any]
    history: History
    run: str = ""
    version: str = ""
    plan: str = ""
    problem: str = ""
    messages: Heard = field(default_factory=Heard)
    logs: Logs = field(default_factory=Logs)

    @classmethod
    def of(
        cls, verdict: Mapping[str, Any], plan: Plan, history: History, faults: Sequence[Mapping[str, Any]] | None = None
    ) -> RunData:
        """From what `run --json` prints, the plan and the history; `faults` default to those of the verdict.

        Raises KeyError, TypeError or ValueError when the verdict is not of that form.
        """
        outcome = Verdict(verdict["verdict"])
        return cls(
            verdict=outcome,
            exit_code=int(verdict.get("exit_code", outcome.exit_code)),
            target=str(verdict["target"]),
            workload=str(verdict.get("workload", plan.workload.name)),
            cluster=str(verdict.get("cluster", plan.cluster.name)),
            nodes=plan.node_names,
            seed=int(verdict.get("seed", plan.seed)),
            time_s=plan.time,
            nemeses=plan.families,
            command=str(verdict.get("command") or f"splitbrain replay {shlex.quote(str(verdict.get('run') or '.'))}"),
            claims=[ClaimRecord.of(claim) for claim in verdict.get("claims") or ()],
            faults=[FaultRecord.of(fault) for fault in (verdict.get("faults") or () if faults is None else faults)],
            stats=verdict.get("stats") or {},
            history=history,
            run=str(verdict.get("run") or ""),
            version=installed_version(),
            plan=plan.to_yaml(),
            problem=str(verdict.get("problem") or ""),
        )

    @classmethod
    def load(cls, folder: Path) -> RunData:
        """From a run's folder, also one of an older splitbrain. Raises `UsageError` naming the file that is missing or
        is not what it should be, or was written by a newer splitbrain than this one."""
        run = RunFolder.find(folder)
        from harness._core import Recorder
        from harness.history import History

        verdict = _json(run.verdict, _text(run.verdict))
        _check_format(run.verdict, verdict)
        plan = plans.load(run.plan)
        history = History.read(run.history) if run.history.exists() else History(Recorder(None).history())
        lines = _text(run.faults).splitlines() if run.faults.exists() else None
        faults: list[Mapping[str, Any]] | None = None
        if lines is not None:
            faults = [_json(run.faults, line, number) for number, line in enumerate(lines, 1) if line.strip()]
        try:
            made = cls.of(verdict, plan, history, faults)
            return replace(made, messages=_heard(run.messages), logs=Logs(run.logs, run.epoch()))
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise UsageError(
                f"{run.verdict} is not a verdict as `splitbrain run` writes it ({type(problem).__name__}: {problem}); "
                f"judge the run again with: splitbrain check {run.path}"
            ) from problem

    @property
    def anomalies(self) -> list[tuple[ClaimRecord, Anomaly]]:
        """Every violation found, those of broken claims first, each once."""
        return violations(self.claims)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as problem:
        raise UsageError(f"{file} cannot be read: {problem.strerror}; was the run finished?") from problem


def _json(file: Path, text: str, line: int = 1) -> Any:
    try:
        return json.loads(text)
    except ValueError as problem:
        raise UsageError(f"{file}:{line + getattr(problem, 'lineno', 1) - 1}: is not JSON: {problem}") from problem


def _heard(file: Path) -> Heard:
    """What was heard; a file that cannot be read costs the picture, not the report."""
    try:
        with file.open(encoding="utf-8") as text:
            return Heard.read(text)
    except FileNotFoundError:
        return Heard()
    except (OSError, ValueError, KeyError, TypeError, IndexError, StopIteration, AttributeError) as problem:
        return Heard(why=f"messages.jsonl cannot be read ({type(problem).__name__}: {problem})")


def _check_format(file: Path, verdict: Any) -> None:
    found = verdict.get("format", 0) if isinstance(verdict, dict) else 0
    if type(found) is not int or not 0 <= found <= FORMAT:
        raise UsageError(
            f"{file} is of format {str(found)[:40]!r}, but splitbrain {installed_version()} reads runs up to format "
            f"{FORMAT}: use the splitbrain that made this run, or a newer one"
        )


def installed_version() -> str:
    """That of splitbrain."""
    try:
        return version("splitbrain")
    except PackageNotFoundError:
        return "unpackaged"
