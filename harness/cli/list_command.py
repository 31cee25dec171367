"""`splitbrain list`."""

from __future__ import annotations

import json

import click

from harness import plugins
from harness.cli.options import json_option


@click.command("list")
@click.argument("kind", required=False, type=click.Choice([kind for kind in plugins.KINDS if kind != "reports"]))
@json_option
def command(kind: str | None, as_json: bool) -> None:
    """List what is installed, of one kind or of all."""
    kinds = [kind] if kind else [each for each in plugins.KINDS if each != "reports"]
    found = {each: plugins.names(each) for each in kinds}
    if as_json:
        click.echo(json.dumps(found))
        return
    for each, names in found.items():
        click.echo(f"{each}: {', '.join(names)}")
