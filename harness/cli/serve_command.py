"""`splitbrain serve`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import runs_option


@click.command("serve")
@runs_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any free one.")
def command(runs_root: Path, host: str, port: int) -> None:
    """Browse all runs, gates and campaigns in a web browser: search, trends, runs side by side, a run still going on.

    Prints its address, and serves until Ctrl-C. Only this machine can reach it, unless --host says otherwise.

    \b
    splitbrain serve
    splitbrain serve --runs /mnt/ci/runs --port 0
    """
    from harness import plugins

    plugins.load("outputs", "serve")(
        runs_root,
        host,
        port,
        lambda address: click.echo(f"{runs_root} is served at {address} (Ctrl-C ends it)"),
        lambda warning: click.echo(f"splitbrain: {warning}", err=True),
    )
