"""`splitbrain report`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--kind", default="html", show_default=True, help="Which report, of those installed.")
@click.option(
    "--embed-ops-max",
    type=click.IntRange(min=1),
    help="Operations in the timeline of the html report at most (2,000,000); of more, those near violations.",
)
def command(run: Path, kind: str, embed_ops_max: int | None) -> None:
    """Write the report of RUN again, from the files in its folder; prints where it is."""
    from harness import plugins
    from harness.runs import RunFolder

    if embed_ops_max is not None and kind != "html":
        raise click.UsageError(f"--embed-ops-max is for --kind html; {kind} has no timeline")
    options = {} if embed_ops_max is None else {"embed_ops_max": embed_ops_max}
    click.echo(str(plugins.load("reports", kind)(RunFolder.find(run).path, **options)))
