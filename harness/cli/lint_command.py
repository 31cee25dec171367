"""`splitbrain lint`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.options import json_option


@click.command("lint")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CLAIMS.yaml...")
@json_option
def command(files: tuple[Path, ...], as_json: bool) -> int:
    """Check claims files for mistakes, and run nothing: every name and option is looked up.

    \b
    splitbrain lint claims.yaml
    """
    from harness.errors import UsageError
    from harness.gate import claims_file

    told: list[str] = []
    cases = 0
    for file in files:
        try:
            cases += len(claims_file.load(file))
        except UsageError as problem:
            told += str(problem).splitlines()
    if as_json:
        click.echo(json.dumps({"cases": cases, "mistakes": told}))
    else:
        for line in told:
            click.echo(line, err=True)
        if not told:
            click.echo(f"{cases} case{'' if cases == 1 else 's'}, no mistake")
    return UsageError.exit_code if told else 0
