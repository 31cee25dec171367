"""Runs a program as a user who is nobody in particular: `python unprivileged.py PROGRAM ARGUMENT...`, as root.

The Python that runs the tests, or the checkout, may lie below a directory that only root can enter, such as /root. In a
mount namespace of its own the program sees an empty directory there, with nothing in it but what it needs. GROUPS_TOO
in its environment are groups, by number, that it belongs to besides.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from harness.clusters.linux import namespaces

USER = 65534


def closed(path: Path) -> Path | None:
    """The topmost directory on the way to a path that only its owner can enter."""
    for step in reversed([path, *path.parents]):
        if not step.stat().st_mode & 0o001:
            return step
    return None


def main(program: list[str]) -> None:
    namespaces.unshare(namespaces.NEWNS)
    namespaces.receive_mounts_only()
    needed = {Path(path).resolve() for path in (sys.base_prefix, sys.prefix, Path(__file__).parents[3])}
    opened = {path: os.open(path, os.O_PATH) for path in needed if closed(path)}
    for hidden in {closed(path) for path in opened}:
        namespaces.mount("tmpfs", str(hidden), "tmpfs", 0, "mode=755,size=1m")
    for path, descriptor in opened.items():
        path.mkdir(parents=True, exist_ok=True)
        namespaces.mount(f"/proc/self/fd/{descriptor}", str(path), None, namespaces.MS_BIND)
        os.close(descriptor)
    os.setgroups([int(group) for group in os.environ.get("GROUPS_TOO", "").split()])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    os.environ.pop("XDG_RUNTIME_DIR", None)
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
