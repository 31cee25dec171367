"""The requests to the kernel that disks need and Python's library lacks: loop devices, mounts as file descriptors,
freezing and shutting down a file system.

A mount made with `fsopen` belongs to no place until it is moved to one (Linux 5.2), so a node's volume is made here,
with this machine's devices, and moved into the node's mount namespace by a child that enters it: nothing in a container
has to know loop devices or have a `mount` program.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

FS_IOC_SHUTDOWN = 0x8004587D
SHUTDOWN_NO_LOG_FLUSH = 2
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878

_LOOP_CTL_GET_FREE, _LOOP_CONFIGURE = 0x4C82, 0x4C0A
_AUTOCLEAR = 4
_LOOP_CONFIG = struct.Struct("=II5Q4I64s64s32s2Q8Q")
"""struct loop_config: the file, the block size, a struct loop_info64, reserved words."""

_MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT = 429, 430, 431, 432
_FSOPEN_CLOEXEC, _FSMOUNT_CLOEXEC = 1, 1
_SET_STRING, _CREATE = 1, 6
_NOSUID_NODEV_NOATIME = 2 | 4 | 0x10

_ATTEMPTS = 20
"""Somebody else may take the free loop device first, or still be closing a file of a file system."""

_libc = ctypes.CDLL(None, use_errno=True)

# Runs in a fresh interpreter, because only a process with a single thread may change its mount namespace. Arguments:
# the file of the mount namespace, the target there, and the descriptor of the mount to move (-1: unmount).
_IN_NAMESPACE = f"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
namespace, target, mount = sys.argv[1], os.fsencode(sys.argv[2]), int(sys.argv[3])
def check(result):
    if result < 0:
        sys.exit(ctypes.get_errno())
if namespace:
    check(libc.setns(os.open(namespace, os.O_RDONLY), 0x20000))
if mount < 0:
    check(libc.umount2(target, 8))
else:
    check(libc.syscall({_MOVE_MOUNT}, mount, b"", -100, target, 4))
"""


def attach(image: Path) -> tuple[int, int]:
    """A loop device for a file, freed by the kernel as soon as nobody uses it: its descriptor, which keeps it until it
    is mounted, and its number. Raises OSError."""
    with image.open("r+b") as backing, Path("/dev/loop-control").open("rb") as control:
        name = os.fsencode(image.name)[:63]
        config = _LOOP_CONFIG.pack(backing.fileno(), 0, *[0] * 5, 0, 0, 0, _AUTOCLEAR, name, b"", b"", 0, 0, *[0] * 8)
        for _ in range(_ATTEMPTS):
            number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
            device = os.open(f"/dev/loop{number}", os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, _LOOP_CONFIGURE, config)
            except OSError as refused:
                os.close(device)
                if refused.errno != errno.EBUSY:
                    raise
            else:
                return device, number
    raise OSError(errno.EBUSY, "every free loop device was taken by somebody else", str(image))


def attached(image: Path) -> list[int]:
    """The numbers of the loop devices that hold a file."""
    wanted = str(image.resolve())
    return [number for number, backing in loops().items() if backing == wanted]


def loops() -> Mapping[int, str]:
    """Every loop device in use: its number and the file behind it."""
    found = {}
    for entry in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            found[int(entry.parts[-3].removeprefix("loop"))] = entry.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, ValueError):  # let go of meanwhile
            continue
    return found


def detached_mount(filesystem: str, options: Mapping[str, str]) -> int:
    """The descriptor of a new mount that is nowhere yet; closing it undoes it. Raises OSError."""
    context = _checked(_libc.syscall(_FSOPEN, filesystem.encode(), _FSOPEN_CLOEXEC), filesystem)
    try:
        for key, value in options.items():
            text = (key.encode(), value.encode())
            _checked(_libc.syscall(_FSCONFIG, context, _SET_STRING, *text, 0), f"{filesystem} {key}={value}")
        _checked(_libc.syscall(_FSCONFIG, context, _CREATE, None, None, 0), filesystem)
        return _checked(_libc.syscall(_FSMOUNT, context, _FSMOUNT_CLOEXEC, _NOSUID_NODEV_NOATIME), filesystem)
    finally:
        os.close(context)


def knows_mounts(filesystem: str) -> bool:
    """Whether the kernel has this file system, and mounts as descriptors."""
    context = _libc.syscall(_FSOPEN, filesystem.encode(), _FSOPEN_CLOEXEC)
    if context >= 0:
        os.close(context)
    return bool(context >= 0)


def place(mount: int, target: str, process: int | None) -> None:
    """Moves a mount to a directory, by its path in the mount namespace of a process (None: this one). Raises
    OSError."""
    _enter(process, target, mount)


def unmount(target: str, process: int | None) -> None:
    """Takes the topmost mount off a directory; symbolic links are not followed. Raises OSError, with EBUSY while
    anybody has files open there."""
    _enter(process, target, -1)


def freeze(descriptor: int) -> subprocess.Popen[bytes]:
    """Freezes the file system of an open directory for as long as the process returned lives and its standard input is
    open, so it thaws when whoever asked for it dies. Raises OSError."""
    script = (
        "import fcntl, os, sys\n"
        "try:\n"
        f"    fcntl.ioctl({descriptor}, {FIFREEZE}, 0)\n"
        "except OSError as refused:\n"
        "    sys.exit(refused.errno)\n"
        "os.write(1, b'.')\n"
        "sys.stdin.buffer.read()\n"
        "try:\n"
        f"    fcntl.ioctl({descriptor}, {FITHAW}, 0)\n"
        "except OSError:\n"
        "    pass  # somebody who cleaned up was faster\n"
    )
    freezer = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[descriptor],
        start_new_session=True,  # a Ctrl-C at the terminal must not end it before it thaws
    )
    assert freezer.stdout is not None
    with freezer.stdout as said:
        if said.read(1):
            return freezer
    code = freezer.wait()
    raise OSError(code, os.strerror(code))


def thaw(freezer: subprocess.Popen[bytes]) -> None:
    """Ends what `freeze` began."""
    assert freezer.stdin is not None
    freezer.stdin.close()
    freezer.wait()


def _enter(process: int | None, target: str, mount: int) -> None:
    namespace = "" if process is None else f"/proc/{process}/ns/mnt"
    code = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _IN_NAMESPACE, namespace, target, str(mount)],
        pass_fds=[mount] if mount >= 0 else [],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ).returncode
    if code:
        raise OSError(code, os.strerror(code), target)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result
