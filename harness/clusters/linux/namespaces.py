"""Namespaces: what a process sees as the machine's network, mounts, processes, host name and users.

Python has `os.unshare` and `os.setns` from 3.12 on, and never had `mount`; these are the C library's own functions.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from pathlib import Path

NEWNS = 0x00020000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

MS_BIND = 0x1000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x2, 0x4, 0x8
MS_REC = 0x4000
MS_SLAVE = 0x80000

_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Moves this process into new namespaces (its children, for NEWPID). Raises OSError."""
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2). Raises OSError."""
    arguments = (source.encode(), os.fsencode(target), _text(kind), ctypes.c_ulong(flags), _text(data))
    _checked(_libc.mount(*arguments), f"mount {target}")


def set_host_name(name: str) -> None:
    """sethostname(2). Raises OSError."""
    _checked(_libc.sethostname(name.encode(), len(name)), "sethostname")


def die_with_parent() -> None:
    """Has the kernel kill this process when the thread that forked it ends."""
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def receive_mounts_only() -> None:
    """Nothing this process mounts is seen outside of its mount namespace, while what is unmounted outside goes away
    here too: else it would be kept busy."""
    mount("none", "/", None, MS_REC | MS_SLAVE)


def mount_proc() -> None:
    """Has /proc tell of this pid namespace. Raises OSError."""
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def become_root_of_user_namespace() -> None:
    """Enters a user namespace in which this user is root, and nobody else exists. Raises OSError; the caller must be
    single-threaded."""
    user, group = os.geteuid(), os.getegid()
    unshare(NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")


def refusal(problem: OSError, *, root: bool, settings: Path = Path("/proc/sys")) -> str:
    """Why this machine gives no namespaces, and what whoever runs it could do about that."""
    if root:
        return (
            f"root may not make namespaces here ({problem.strerror}): "
            "a container would have to be given the capability SYS_ADMIN"
        )
    for name, refusing, remedy in (
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
        ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"),
    ):
        try:
            value = (settings / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if value == refusing:
            setting = name.replace("/", ".", 1)
            return f"this machine gives users no namespaces ({setting} is {value}): run as root, or set {remedy}"
    if problem.errno == errno.ENOSPC:
        return "this machine has no user namespaces left (user.max_user_namespaces): run as root, or raise it"
    return f"this machine gives users no namespaces ({problem.strerror}): run as root"


def _text(value: str | None) -> bytes | None:
    return None if value is None else value.encode()


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
