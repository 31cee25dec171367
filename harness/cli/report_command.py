"""`splitbrain report`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--kind", default="html", show_default=True, help="Which report, of those installed.")
def command(run: Path, kind: str) -> None:
    """Write the report of RUN again, from the files in its folder; prints where it is."""
    from harness import plugins
    from harness.runs import RunFolder

    click.echo(str(plugins.load("reports", kind)(RunFolder.find(run).path)))
