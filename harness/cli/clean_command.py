"""`splitbrain clean`."""

from __future__ import annotations

import json

import click

from harness import plugins
from harness.cli.options import json_option


@click.command("clean")
@json_option
def command(as_json: bool) -> None:
    """Remove what dead runs left on this machine: containers, networks, rules, files. Living runs are left alone."""
    removed = {name: plugins.load("clusters", name).sweep() for name in plugins.names("clusters")}
    if as_json:
        click.echo(json.dumps({"removed": removed}))
        return
    lines = [f"{cluster}: removed {thing}" for cluster, things in removed.items() for thing in things]
    click.echo("\n".join(lines) or "nothing to remove")
