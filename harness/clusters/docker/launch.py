"""How a program is started in a container: by a shell that writes its files, and then becomes the program.

What is done by name is done within, with the container's own eyes: a link that the service left in the place of a file
or a log leads to where the service could have gone by itself, and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from harness.clusters.linux import processes
from harness.target import Daemon

DATA = "/var/lib/splitbrain"
LOGS = "/var/log/splitbrain"

_SCRIPT = """
log=$1 data=$2 files=$3
exec >>"$log" 2>&1
cd "$data" || exit 1
shift 3
while [ "$files" -gt 0 ]; do
    [ -e "$1" ] || { mkdir -p "${1%/*}" && printf %s "$2" >"$1" && sync "$1" "${1%/*}"; } || exit 1
    shift 2
    files=$((files - 1))
done
exec "$@"
"""

SHELL = ("/bin/sh", "-c", _SCRIPT, "sh")

SETTLE_TIMEOUT_S = 10.0
POLL_S = 0.002


def command_line(daemon: Daemon) -> list[str]:
    """What to run in the container."""
    files = [word for path, text in daemon.files.items() for word in (f"{DATA}/{path}", text)]
    return [*SHELL, f"{LOGS}/{daemon.name}.log", DATA, str(len(daemon.files)), *files, *daemon.argv]


def wait_for_program(pid: int, *before: Sequence[str]) -> None:
    """Until what starts it, the shell last, has become the program, or is gone: a clock patched before would be lost
    with them. `before` are the first words of their command lines."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            line = processes.command_line(pid)
        except ProcessLookupError:
            return
        starting = any(line[: len(words)] == list(words) for words in (SHELL, *before))
        if not processes.alive(pid) or (line and not starting):
            return
        time.sleep(POLL_S)
