"""`splitbrain gate`."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option, runs_option

if TYPE_CHECKING:
    from harness.gate.claims_file import Case

_OUTPUTS = ("junit", "sarif", "markdown")


@click.command("gate")
@click.argument("claims_file", type=click.Path(path_type=Path), metavar="CLAIMS.yaml")
@click.option("--budget", help="Wall time after which no run is begun, such as 10m.  [default: none]")
@click.option("--jobs", type=click.IntRange(1), default=None, help="Processes.  [default: one a core]")
@click.option("--only", multiple=True, metavar="ID", help="Only the claim of this id. Repeatable.")
@click.option("--baseline", type=click.Path(path_type=Path), help="A file of known violations that are accepted.")
@click.option("--update-baseline", is_flag=True, help="Write what was found, and what is gone, into the baseline.")
@click.option("--strict-baseline", is_flag=True, help="An accepted violation that is gone, or expired, fails the gate.")
@click.option(
    "--inconclusive",
    type=click.Choice(["fail", "warn"]),
    default="fail",
    show_default=True,
    help="Whether claims without an answer make the exit code 3, or 0 with a warning.",
)
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit XML file.")
@click.option("--sarif", type=click.Path(dir_okay=False, path_type=Path), help="Write a SARIF 2.1.0 file.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write a Markdown summary.")
@click.option(
    "--github/--no-github",
    default=None,
    help="Print annotations and write the job's summary.  [default: in a GitHub job]",
)
@click.option("--keep-all", is_flag=True, help="Keep the folders of clean runs, too.")
@runs_option
@json_option
def command(claims_file: Path, budget: str | None, jobs: int | None, as_json: bool, **given: Any) -> int:
    """Hold systems to the claims in CLAIMS.yaml: the exit code is the worst verdict's.

    Runs go side by side, most telling first; a claim ends at its first counterexample, whose run is kept.

    \b
    splitbrain gate claims.yaml
    splitbrain gate claims.yaml --budget 10m --baseline known.yaml --junit junit.xml --sarif splitbrain.sarif
    """
    from harness.cli.gate_progress import GateProgress
    from harness.gate import answer, baseline, docket
    from harness.units import duration_s

    budget_s = float("inf") if budget is None else duration_s(budget)
    cases = _admitted(claims_file, given["only"])
    accepted = baseline.load(given["baseline"]) if given["baseline"] and _there(given) else []
    memory = given["runs_root"] / "gates" / f"{claims_file.stem}.json"
    settings = docket.Settings(
        runs_root=given["runs_root"],
        workers=jobs or os.cpu_count() or 1,
        budget_s=budget_s,
        keeps_all=given["keep_all"],
        accepted=accepted,
        remembered=_remembered(memory),
    )
    began = time.monotonic()
    with GateProgress(budget_s) as progress:
        standings = docket.conduct(cases, settings, progress.watch)
    found = answer.document(str(claims_file), standings, accepted, date.today(), time.monotonic() - began)
    if given["update_baseline"]:
        _update(given["baseline"], found, accepted)
    found["exit_code"] = _exit_code(found, given)
    _write(found, memory, given)
    _show(found, as_json, given["github"])
    return int(found["exit_code"])


def _there(given: dict[str, Any]) -> bool:
    """Whether the baseline is to be read: it may be missing only where it is to be written."""
    return given["baseline"].exists() or not given["update_baseline"]


def _admitted(path: Path, only: tuple[str, ...]) -> list[Case]:
    """The cases to be run. Raises `UsageError` for mistakes in the file, and for what cannot run on this machine."""
    from harness.errors import PlanError, Unsupported, UsageError
    from harness.experiment import admit, resolve
    from harness.gate import claims_file

    cases = claims_file.load(path)
    if unknown := sorted(set(only) - {case.claim for case in cases}):
        raise UsageError(f"--only {unknown[0]}: {path} has no claim of that id")
    cases = [case for case in cases if not only or case.claim in only]
    admitted: set[str] = set()
    for case in cases:
        if (plan := case.plan.to_yaml()) not in admitted:
            admitted.add(plan)
            try:
                admit(resolve(case.plan.model_copy(update={"expect": [case.expect.to_json()]})))
            except (Unsupported, UsageError) as problem:
                raise PlanError(f"{case.name}: {problem}", file=case.file, line=case.line) from problem
    return cases


def _remembered(memory: Path) -> dict[str, int]:
    """What broke last time. A file that cannot be read costs its advice, nothing else."""
    from harness.gate.answer import broken_seeds

    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        return broken_seeds(json.loads(memory.read_text(encoding="utf-8")))
    return {}


def _update(path: Path | None, found: dict[str, Any], accepted: list[Any]) -> None:
    from harness.errors import UsageError
    from harness.gate import baseline

    if path is None:
        raise UsageError("--update-baseline needs --baseline FILE: it says where to write")
    broken = [(case["name"], case["shown"]["anomaly"]) for case in found["cases"] if case["verdict"] == "fail"]
    states = [entry["state"] for entry in found["baseline"]]
    gone = [entry for entry, state in zip(accepted, states, strict=True) if state in ("absent", "unknown")]
    path.write_text(baseline.renewed(accepted, broken, gone, date.today()), encoding="utf-8")


def _exit_code(found: dict[str, Any], given: dict[str, Any]) -> int:
    stale = any(entry["state"] in ("absent", "expired", "unknown") for entry in found["baseline"])
    if found["verdict"] == "fail" or (given["strict_baseline"] and stale):
        return 1
    if found["verdict"] == "inconclusive" and given["inconclusive"] == "warn":
        return 0
    return int(found["exit_code"])


def _write(found: dict[str, Any], memory: Path, given: dict[str, Any]) -> None:
    from harness import plugins
    from harness.errors import RecordingError

    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        for name in _OUTPUTS:
            if given[name] is not None:
                given[name].write_text(plugins.load("outputs", name)(found), encoding="utf-8")
    except OSError as problem:
        raise RecordingError(f"cannot write {problem.filename}: {problem.strerror}") from problem


def _show(found: dict[str, Any], as_json: bool, github: bool | None) -> None:
    from harness import plugins
    from harness.cli import gate_table

    if as_json:
        click.echo(json.dumps(found))
    else:
        gate_table.show_answer(found)
    if github or (github is None and os.environ.get("GITHUB_ACTIONS") == "true"):
        plugins.load("outputs", "github")(found, os.environ)
