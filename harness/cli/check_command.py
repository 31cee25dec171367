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
@click.option("--model", help="The data type the history is taken for, such as cas-register.")
@click.option("--format", "format", help="arrow, edn, jsonl or etcd-log.  [default: told by the content]")
@click.option("--budget", default="60s,4GB", show_default=True, help="What the check may cost: time, memory.")
@json_option
def command(history: Path, model: str | None, format: str | None, budget: str, as_json: bool) -> int:
    """Judge a finished run again, or any history file against a model.

    \b
    splitbrain check runs/raft/20260101T120000-7
    splitbrain check history.edn --model cas-register
    """
    return _run(history, as_json) if model is None else _file(history, model, format, budget, as_json)


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


def _file(path: Path, model: str, format: str | None, budget: str, as_json: bool) -> int:
    from harness import plugins
    from harness.history import History
    from harness.runs import RunFolder

    checker = plugins.load("checkers", "linearizable")(model=model)
    history = History.read(RunFolder.find(path).history if path.is_dir() else path, format)
    began = time.monotonic()
    result: Result = checker.check(history, budget=_budget(budget))
    document = {
        "verdict": result.verdict.value,
        "model": result.model,
        "ops": sum(1 for op in history.types() if op == 0),
        "seconds": round(time.monotonic() - began, 6),
        "why": result.why,
        "anomalies": [_anomaly(anomaly) for anomaly in result.anomalies],
        "truncated": history.truncated,
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
