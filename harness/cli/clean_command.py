"""`splitbrain clean`."""

from __future__ import annotations

import json
from typing import Any

import click

from harness import plugins
from harness.cli.options import host_options, json_option, machines_from


@click.command("clean")
@host_options
@json_option
def command(as_json: bool, **given: Any) -> None:
    """Remove what dead runs left on this machine: containers, networks, rules, files. Living runs are left alone.

    With --hosts, on those machines instead.
    """
    machines = machines_from(given)
    removed: dict[str, Any]
    if machines:
        removed = dict(plugins.load("clusters", "ssh").clean_hosts(machines))
    else:
        removed = {name: plugins.load("clusters", name).sweep() for name in plugins.names("clusters")}
    if as_json:
        click.echo(json.dumps({"removed": removed}))
        return
    lines = [f"{cluster}: removed {thing}" for cluster, things in removed.items() for thing in things]
    click.echo("\n".join(lines) or "nothing to remove")
