"""`splitbrain report`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
def command(run: Path) -> None:
    """Write the report of RUN again, from the files in its folder."""
    from harness import plugins
    from harness.runs import RunFolder

    folder = RunFolder.find(run)
    plugins.load("reports", "html")(folder.path, folder.report)
    click.echo(str(folder.report))
