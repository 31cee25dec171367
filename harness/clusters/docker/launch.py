"""How a program is started in a container: by a shell that writes its files, and then becomes the program.

What is done by name is done within, with the container's own eyes: a link that the service left in the place of a file
or a log leads to where the service could have gone by itself, and nowhere else.
"""

from __future__ import annotations

from harness.target import Daemon

_SCRIPT = """
log=$1 files=$2
exec >>"$log" 2>&1
shift 2
while [ "$files" -gt 0 ]; do
    [ -e "$1" ] || { mkdir -p "${1%/*}" && printf %s "$2" >"$1" && sync "$1" "${1%/*}"; } || exit 1
    shift 2
    files=$((files - 1))
done
exec "$@"
"""

SHELL = ("/bin/sh", "-c", _SCRIPT, "sh")


def command_line(daemon: Daemon, data: str, logs: str) -> list[str]:
    """What to run in the container: `data` is its data directory, `logs` where its programs log to, one file each."""
    files = [word for path, text in daemon.files.items() for word in (f"{data}/{path}", text)]
    return [*SHELL, f"{logs}/{daemon.name}.log", str(len(daemon.files)), *files, *daemon.argv]
