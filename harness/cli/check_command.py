"""`splitbrain check`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option

if TYPE_CHECKING:
    from harness.checker import Budget, Result
    from harness.history import History


@click.command("check")
@click.argument("history", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--model", help="What the history is taken for: cas-register, queue, list-append, set-full, module:NAME, ..."
)
@click.option("--level", help="How strong: sequential, causal, ... for objects; serializable, ... for transactions.")
@click.option("--option", "options", multiple=True, help="An option of the checker, as NAME=VALUE. Repeatable.")
@click.option("--failed-cas", type=click.Choice(["drop", "assert"]), help="What a refused compare-and-set says.")
@click.option("--format", "format", help="arrow, edn, jsonl or etcd-log.  [default: told by the content]")
@click.option("--budget", default="60s,4GB", show_default=True, help="What the check may cost: time, memory.")
@json_option
def command(history: Path, model: str | None, as_json: bool, **given: Any) -> int:
    """Judge a finished run again, or any history file against a model.

    \b
    splitbrain check runs/raft/20260101T120000-7
    splitbrain check history.edn --model cas-register
    splitbrain check history.edn --model list-append --level serializable
    """
    return _run(history, as_json) if model is None else _file(history, model, as_json, **given)


def _run(path: Path, as_json: bool) -> int:
    from harness import plan as plans
    from harness.cli import show
    from harness.experiment import resolve
    from harness.run import conclude
    from harness.runs import RunFolder

    folder = RunFolder.find(path)
    outcome = conclude(resolve(plans.load(folder.plan)), folder)
    if as_json:
        click.echo(json.dumps(outcome.to_json()))
    else:
        show.outcome(outcome)
    return outcome.verdict.exit_code


def _file(path: Path, model: str, as_json: bool, **given: Any) -> int:
    from harness.cli.models import checker_for, options_of
    from harness.history import History
    from harness.runs import RunFolder

    options = options_of(given["options"])
    if given["failed_cas"]:
        options["failed_cas"] = given["failed_cas"]
    checker = checker_for(model, given["level"], options)
    budget = _budget(given["budget"])
    file = RunFolder.find(path).history if path.is_dir() else path
    history = History.read(file, given["format"])
    began = time.monotonic()
    result: Result = checker.check(history, budget=budget)
    document = {
        "verdict": result.verdict.value,
        "model": result.model,
        "ops": sum(1 for op in history.types() if op == 0),
        "seconds": round(time.monotonic() - began, 6),
        "why": result.why,
        "anomalies": [_anomaly(anomaly) for anomaly in result.anomalies],
        "truncated": history.truncated,
        "stats": dict(result.stats),
    }
    if as_json:
        click.echo(json.dumps(document))
    else:
        _show(document, result, history)
    return result.verdict.exit_code


def _anomaly(anomaly: Any) -> dict[str, Any]:
    return {"type": anomaly.type, "message": anomaly.message, "ops": list(anomaly.ops), "key": anomaly.key}


def _show(document: dict[str, Any], result: Result, history: History) -> None:
    from harness.cli import show

    out = show.console()
    out.print(f"{show.verdict(result.verdict.value)}  {document['ops']} ops, {show.plain(result.model)}: ", end="")
    out.print(f"{show.plain(result.why)} ({document['seconds']:.3f} s)")
    if history.truncated:
        out.print("  the end of the file is torn: it was read up to its last whole batch")
    for anomaly in result.anomalies[:5]:
        where = f" (key {show.plain(anomaly.key)})" if anomaly.key is not None else ""
        out.print(f"  {show.plain(anomaly.type)}{where}: {show.plain(anomaly.message)}")
        for index in anomaly.ops:
            out.print(f"      {show.plain(_told(history, index))}", style="dim")


def _told(history: History, index: int) -> str:
    op = history[index]
    error = "" if op.error is None else f"  {json.dumps(op.error)}"
    return f"{index:>8}  process {op.process:<5} {op.type.label:<6} {op.f:<6} {json.dumps(op.value)}{error}"


def _budget(text: str) -> Budget:
    from harness.checker import Budget
    from harness.errors import UsageError
    from harness.units import duration_s, size_bytes

    seconds, _, memory = text.partition(",")
    try:
        return Budget(duration_s(seconds), size_bytes(memory) if memory else Budget().memory_bytes)
    except UsageError as problem:
        raise UsageError(f"--budget: {problem}; expected a time and a size, such as 60s,4GB") from None
