"""`splitbrain doctor`."""

from __future__ import annotations

import json

import click

from harness.cli.options import json_option


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Say which clusters and which faults this machine can do, and why not."""
    from harness import doctor
    from harness.cli import show

    findings = doctor.examine()
    if as_json:
        click.echo(json.dumps(findings))
        return
    out = show.console()
    powers = list(next(iter(findings.values())))
    table = show.table("cluster", *powers)
    for cluster, answers in findings.items():
        table.add_row(
            cluster, *("[green]yes[/]" if answers.get(power, "no") is None else "[red]no[/]" for power in powers)
        )
    out.print(table)
    for cluster, answers in findings.items():
        for power, reason in answers.items():
            if reason is not None:
                out.print(f"{cluster} {power}: {show.plain(reason)}")
