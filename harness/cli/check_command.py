"""`splitbrain check`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option

if TYPE_CHECKING:
    from harness.checker import Budget, Checker, Result
    from harness.history import History
    from harness.lenient import Concessions


@click.command("check")
@click.argument("history", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--model", help="What the history is taken for: cas-register, queue, list-append, set-full, module:NAME, ..."
)
@click.option("--level", help="How strong: sequential, causal, ... for objects; serializable, ... for transactions.")
@click.option("--option", "options", multiple=True, help="An option of the checker, as NAME=VALUE. Repeatable.")
@click.option("--failed-cas", type=click.Choice(["drop", "assert"]), help="What a refused compare-and-set says.")
@click.option(
    "--independent/--no-independent",
    default=None,
    help="Whether values are [key, value], as in Jepsen's independent tests.  [default: told by the content]",
)
@click.option("--flow", help="Only the objects whose keys begin with this name and a slash, such as browse of a shop.")
@click.option("--format", "format", help="arrow, edn, jsonl, sessions or etcd-log.  [default: told by the content]")
@click.option("--lenient", is_flag=True, help="Go on over what breaks a rule; all that is given up is told.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a page about it, in HTML, to this file."
)
@click.option("--budget", default="60s,4GB", show_default=True, help="What the check may cost: time, memory.")
@json_option
def command(history: Path, model: str | None, as_json: bool, **given: Any) -> int:
    """Judge a finished run again, or any history file against a model.

    \b
    splitbrain check runs/raft/20260101T120000-7
    splitbrain check history.edn --model cas-register
    splitbrain check history.edn --model list-append --level serializable --report out.html
    splitbrain check runs/shop/20260101T120000-7 --model catches_up --flow browse

    HISTORY is the folder of a run, or a file: Jepsen's EDN, JSON lines, an Arrow stream, the log of early etcd tests,
    or transactions by session (a line each read and write, as `r KEY VALUE`, and rules of - and = between).

    \b
    Models of single objects, linearizable unless --level says otherwise:
      register cas-register multi-register kv set counter mutex semaphore
      queue priority-queue stack, or module:NAME, a model of your own
    Levels of registers:
      linearizable sequential causal pram monotonic-reads monotonic-writes
      read-your-writes writes-follow-reads
    Models of transactions: list-append rw-register
    Their levels, weak to strong, strict-serializable unless told:
      read-uncommitted read-committed read-atomic causal prefix
      parallel-snapshot-isolation snapshot-isolation repeatable-read
      serializable strict-serializable, strong-session-... and others
    Collections and applications:
      set-final set-full total-queue unique-ids counter-bounds bank
      long-fork causal-reverse adya-g2 log log-files staleness lost_writes
      stale_reads catches_up
      no_oversell no_lost_order no_lost_message causal_order no_lost_post
      own_posts_seen posts_in_order exactly_once counter-final
      cart siblings

    \b
    Options of models, as --option NAME=VALUE:
      register cas-register       initial
      semaphore                   permits
      rw-register                 writes_follow_reads sequential_keys
                                  linearizable_keys
      set-full                    linearizable
      total-queue                 drained
      counter-bounds              initial
      bank                        accounts total negative_balances
      log                         caught_up
      no_oversell                 stock
      log-files                   patterns logs
      staleness lost_writes       max initial

    Exit codes: 0 pass, 1 fail, 2 a malformed history or request, 3 inconclusive, 4 harness error. docs/checkers.md says
    how each decides.
    """
    if model is not None:
        return _file(history, model, as_json, **given)
    _alone(history, given)
    return _run(history, as_json)


def _alone(path: Path, given: dict[str, Any]) -> None:
    """A run is judged on its own plan: raises `UsageError` for a lone history, or options that need a model."""
    from harness.errors import UsageError

    if path.is_file() and not (path.parent / "plan.yaml").is_file():
        raise UsageError(
            f"{path} is no run's folder: say what the history is taken for, for example --model cas-register"
        )
    used = [name for name, value in given.items() if value and name != "budget"]
    if used:
        raise UsageError(
            f"--{used[0].removesuffix('s').replace('_', '-')} needs --model: without it the plan of {path} is judged"
        )


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
    from harness import flows, lenient, plugins
    from harness.checker import ReadsLogs
    from harness.cli import show
    from harness.cli.options import options_of
    from harness.history import History
    from harness.models import checker_for, independent
    from harness.runs import RunFolder

    options = options_of(given["options"])
    if given["failed_cas"]:
        options["failed_cas"] = given["failed_cas"]
    checker = checker_for(model, given["level"], options)
    budget = _budget(given["budget"])
    file = path
    if path.is_dir():
        folder = RunFolder.find(path)
        file = folder.history
        checker = checker.with_logs(folder.logs) if isinstance(checker, ReadsLogs) else checker
    recorded = History.read(file, given["format"], lenient=True)
    whole = independent(recorded, model, given["independent"])
    history = flows.only(whole, given["flow"]) if given["flow"] else whole
    began = time.monotonic()
    if given["lenient"]:
        result, given_up = lenient.check(checker, history, budget=budget)
    else:
        result, given_up = _strictly(checker, file, whole, history, budget), None
    document = {
        "verdict": result.verdict.value,
        "model": result.model,
        "ops": sum(1 for op in history.types() if op == 0),
        "seconds": round(time.monotonic() - began, 6),
        "why": result.why,
        "anomalies": [anomaly.to_json() for anomaly in result.anomalies],
        "flow": given["flow"],
        "independent": whole is not recorded,
        "truncated": whole.truncated,
        "lenient": given_up.to_json() if given_up else None,
        "stats": dict(result.stats),
    }
    if given["report"]:
        name = f"{file}, flow {given['flow']}" if given["flow"] else str(file)
        plugins.load("outputs", "check")(given["report"], name, document, whole)  # proofs name events of the whole
    if as_json:
        click.echo(json.dumps(document))
    else:
        _show(document, result, whole, given_up)
        if given["report"]:
            show.console().print(f"  {show.plain(given['report'])}", style="dim")
    return result.verdict.exit_code


def _strictly(checker: Checker, file: Path, whole: History, history: History, budget: Budget) -> Result:
    """What the checker says of the history, which is the whole or one flow of it.

    Raises `HistoryError`, with file and event, also for times that go backwards: checkers believe the order of events
    then, which is for the user to say.
    """
    from harness.errors import HistoryError

    try:
        if problems := whole.problems(limit=1):
            raise problems[0].refusal(str(file))
        return checker.check(history, budget=budget)
    except HistoryError as refusal:
        told = str(refusal) if str(refusal).startswith(f"{file}:") else f"{file}: {refusal}"
        hint = "; --lenient goes on over it, and tells what that costs" if refusal.event is not None else ""
        raise HistoryError(told + hint, event=refusal.event, line=refusal.line) from refusal


def _show(document: dict[str, Any], result: Result, history: History, given_up: Concessions | None) -> None:
    from harness.cli import show

    out = show.console()
    out.print(f"{show.verdict(result.verdict.value)}  {document['ops']} ops, {show.plain(result.model)}: ", end="")
    out.print(f"{show.plain(result.why)} ({document['seconds']:.3f} s)")
    if document["flow"]:
        out.print(f"  only the flow {show.plain(document['flow'])} was judged")
    if document["independent"]:
        out.print(f"  values are tuples of a key and a value: {len(history.keys()):,} independent keys")
    if document["truncated"]:
        out.print("  the end of the file is torn: it was read up to its last whole batch")
    for problem in given_up.problems[:5] if given_up else ():
        where = f"line {problem.line}: " if problem.line and not problem.message.startswith("line ") else ""
        out.print(f"  overlooked: {where}{show.plain(problem.message)}", style="yellow")
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
