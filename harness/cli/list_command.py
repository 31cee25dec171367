"""`splitbrain list`."""

from __future__ import annotations

import json

import click

from harness import plugins
from harness.cli.options import json_option

_KINDS = [kind for kind in plugins.KINDS if kind not in ("reports", "outputs")]


@click.command("list")
@click.argument("kind", required=False, type=click.Choice([*_KINDS, "bugs"]))
@json_option
def command(kind: str | None, as_json: bool) -> None:
    """List what is installed, of one kind or of all; `bugs` are those that can be planted in targets."""
    if kind == "bugs":
        _bugs(as_json)
        return
    kinds = [kind] if kind else _KINDS
    found = {each: plugins.names(each) for each in kinds}
    if as_json:
        click.echo(json.dumps(found))
        return
    for each, names in found.items():
        click.echo(f"{each}: {', '.join(names)}")


def _bugs(as_json: bool) -> None:
    from harness import selftest
    from harness.cli import show

    found = {name: target.bugs for name, target in selftest.subjects().items() if target.bugs}
    if as_json:
        told = {
            name: {bug.name: {"story": bug.story, "shows_as": bug.shows_as} for bug in bugs}
            for name, bugs in found.items()
        }
        click.echo(json.dumps({"bugs": told}))
        return
    table = show.table("store", "bug", "what is wrong")
    for name, bugs in found.items():
        for bug in bugs:
            table.add_row(name, bug.name, bug.story)
    show.console().print(table)
