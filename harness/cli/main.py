"""The `splitbrain` command: finds its commands lazily, and turns every error of the tree into one line and an exit
code.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib import import_module
from typing import Any, NoReturn

import click

from harness import __version__
from harness.cli.determinism import pin_hashes
from harness.errors import SplitbrainError

_COMMANDS = {
    "run": "Test one target and judge its promises.",
    "compare": "Test several targets under the same faults, side by side.",
    "gate": "Hold systems to the claims in a file: the CI gate.",
    "campaign": "Keep testing with new seeds and mixes: the nightly job.",
    "lint": "Check claims files for mistakes, and run nothing.",
    "check": "Judge a finished run, or any history file.",
    "history": "Print the history of a run.",
    "replay": "Repeat a run from its folder and compare the histories.",
    "shrink": "Look for a smaller run that fails as a failed one did.",
    "selftest": "Hunt every planted bug, and try every unspoiled store.",
    "report": "Write the report of a run again.",
    "serve": "Browse all runs, gates and campaigns in a web browser.",
    "list": "List what is installed: targets, workloads, nemeses, checkers, clusters.",
    "doctor": "Say which clusters and faults this machine can do, and why not.",
    "clean": "Remove what dead runs left on this machine.",
}

_SIMULATING = {"run", "compare", "gate", "campaign", "replay", "selftest", "shrink"}
"""Those whose answer must not depend on how Python salts its hashes."""

_INTERRUPTED = 130


class _LazyGroup(click.Group):
    """Knows the commands' names and one-line helps; imports `harness.cli.<name>` when one is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"harness.cli.{cmd_name}_command").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            raise click.UsageError(f"{problem.message.rstrip('.')}: there is {', '.join(_COMMANDS)}", ctx) from problem


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="splitbrain")
def cli() -> None:
    """Tests what a distributed system promises.

    Drives a cluster with concurrent clients, breaks it, records every operation, and decides from that record whether
    each promise held.

    Exit codes: 0 pass, 1 fail, 2 usage, 3 inconclusive, 4 harness error.
    """


def main() -> NoReturn:
    """The console script. Never shows a traceback for a mistake of the user's or a failure of the surroundings."""
    if _SIMULATING.intersection(sys.argv[1:2]):
        pin_hashes()
    # A shell's background jobs begin with SIGINT ignored; then SIGTERM, which is turned into it, would be, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as problem:
        problem.show()
        code = 2
    except SplitbrainError as problem:
        click.echo(f"splitbrain: {problem}", err=True)
        code = problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("splitbrain: interrupted; everything it made is removed, what a run had recorded is kept", err=True)
        code = _INTERRUPTED
    except SystemExit:
        # click's way to say that nobody reads the output to its end, which is no failure: `splitbrain history | head`.
        code = 0
    except Exception:
        # Python's own exit code for this is 1, which would say that a promise was broken.
        traceback.print_exc()
        click.echo("splitbrain: a defect of splitbrain or of a plugin; it says nothing about the target", err=True)
        code = SplitbrainError.exit_code
    sys.exit(code if isinstance(code, int) else 0)


def _as_interrupt(_signal: int, _frame: object) -> None:
    """SIGTERM undoes everything just as Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)
