"""`splitbrain history`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("history")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--format", "format", type=click.Choice(["jsonl", "edn", "csv"]), default="jsonl", show_default=True)
def command(run: Path, format: str) -> None:
    """Print the history of RUN (a run's folder, or a history file) on standard output."""
    from harness.history import History
    from harness.runs import RunFolder

    history = History.read(RunFolder.find(run).history if run.is_dir() else run)
    out = click.get_binary_stream("stdout")
    for chunk in history.text(format):
        out.write(chunk.encode() if isinstance(chunk, str) else chunk)
