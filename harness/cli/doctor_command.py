"""`splitbrain doctor`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from harness.cli.options import host_options, json_option, machines_from


@click.command("doctor")
@host_options
@json_option
def command(as_json: bool, **given: Any) -> None:
    """Say which clusters and which faults this machine can do, and why not.

    With --hosts, what those machines can do as nodes of the ssh cluster.
    """
    from harness import doctor
    from harness.cli import show

    machines = machines_from(given)
    findings = doctor.examine_machines(machines) if machines else doctor.examine()
    if as_json:
        click.echo(json.dumps(findings))
        return
    out = show.console()
    table = show.table("", *findings)
    for power in doctor.POWERS:
        answers = (findings[cluster][power] for cluster in findings)
        table.add_row(power, *map(_word, answers))
    out.print(table)
    for cluster, reasons in findings.items():
        for reason, powers in _by_reason(reasons).items():
            does_not = "may do" if reason == doctor.ASK_THE_MACHINES else "cannot do"
            out.print(f"{cluster} {does_not} {', '.join(powers)}: {show.plain(reason)}")


def _word(answer: str | None) -> str:
    from harness import doctor

    if answer is None:
        return "[green]yes[/]"
    return "?" if answer == doctor.ASK_THE_MACHINES else "[red]no[/]"


def _by_reason(answers: Mapping[str, str | None]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for power, reason in answers.items():
        if reason is not None:
            found.setdefault(reason, []).append(power)
    return found
