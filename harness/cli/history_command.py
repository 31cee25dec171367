"""`splitbrain history`."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command("history")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["jsonl", "edn", "csv"]), default="jsonl", show_default=True)
def command(run: Path, form: str) -> None:
    """Print the history of RUN (a run's folder, or a history file) on standard output."""
    from harness.history import History
    from harness.runs import RunFolder

    history = History.read(RunFolder.find(run).history if run.is_dir() else run)
    for chunk in history.text(form):
        sys.stdout.buffer.write(chunk)
