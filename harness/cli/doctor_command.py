"""`splitbrain doctor`."""

from __future__ import annotations

import json
from collections.abc import Mapping

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
    table = show.table("", *findings)
    for power in doctor.POWERS:
        answers = (findings[cluster][power] for cluster in findings)
        table.add_row(power, *("[green]yes[/]" if answer is None else "[red]no[/]" for answer in answers))
    out.print(table)
    for cluster, reasons in findings.items():
        for reason, powers in _by_reason(reasons).items():
            out.print(f"{cluster} cannot do {', '.join(powers)}: {show.plain(reason)}")


def _by_reason(answers: Mapping[str, str | None]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for power, reason in answers.items():
        if reason is not None:
            found.setdefault(reason, []).append(power)
    return found
