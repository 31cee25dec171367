"""A file system of a node's own below its data directory: what can be filled, frozen, broken and cut off.

It is ext4 in a file where we are root, which can do everything, and a tmpfs of bounded size where we are root only in a
user namespace, which can be filled. The ext4 is mounted with `commit=300`: what a service did not sync stays in memory
for minutes, so a power loss has something to take. FUSE file systems that forget on demand (lazyfs) were left out: they
have to be brought by the user, cost half the throughput, and test another file system than the one that is used.

Nothing outlives its node: the loop device is one that frees itself, the mount is in the node's own mount namespace and
goes with it, and the file is in the run's scratch directory. Only a frozen file system would stay; it thaws with the
process that froze it, and `thaw_below` sees to those whose freezer was killed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from harness.clusters.linux.disks import files, kernel
from harness.errors import ClusterError

BYTES = 512 * 1024 * 1024
"""The file is sparse: it takes as much as is written to it. etcd reserves 128 MB for its journal alone."""

FILL = ".splitbrain.fill"

BUSY_S = 5.0
"""How long the files of killed processes may take to be closed."""

_FSCK_MENDED = (0, 1, 2)


class Volume:
    """One node's file system. `data` is the data directory as this process reaches it, `target` the same directory in
    the mount namespace of `process` (None: this one). `image` is None for a tmpfs. Methods raise `ClusterError`."""

    def __init__(
        self, name: str, data: Path, target: str, process: int | None, image: Path | None, size: int = BYTES
    ) -> None:
        self.name = name
        self.data = data
        self._target = target
        self._process = process
        self._image = image
        self._size = size
        self._loop = -1
        self._freezer: subprocess.Popen[bytes] | None = None

    @property
    def durable(self) -> bool:
        """Whether it is a file system on a device, which can lose power and break."""
        return self._image is not None

    def make(self) -> None:
        """Makes the file system and mounts it over the data directory, with that directory's owner and mode."""
        with self._explained("making its file system"):
            with files.opened(self.data, made=True) as there:
                before = os.fstat(there)
            if self._image is not None:
                self._image.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with self._image.open("wb") as file:
                    file.truncate(self._size)
                made = ["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"]
                self._run([*made, str(self._image)], (0,))
            self.mount()
            with files.opened(self.data) as there:
                os.fchown(there, before.st_uid, before.st_gid)
                os.fchmod(there, before.st_mode & 0o7777)
                with suppress(FileNotFoundError):
                    os.rmdir("lost+found", dir_fd=there)

    def mount(self) -> None:
        """Mounts it; ext4 replays its journal."""
        with self._explained("mounting its file system"):
            if self._image is None:
                self._place(kernel.detached_mount("tmpfs", {"size": str(self._size), "mode": "0755"}))
                return
            if others := kernel.attached(self._image):
                raise ClusterError(f"{self.name}: its file system is still in use, on loop device {others[0]}")
            device, self._loop = kernel.attach(self._image)
            try:
                options = {"source": f"/dev/loop{self._loop}", "commit": "300", "errors": "remount-ro"}
                self._place(kernel.detached_mount("ext4", options))
            finally:
                os.close(device)

    def unmount(self) -> None:
        """Takes it off the data directory, once nobody has files open there."""
        with self._explained("unmounting its file system"):
            deadline = time.monotonic() + BUSY_S
            while True:
                try:
                    kernel.unmount(self._target, self._process)
                    break
                except OSError as refused:
                    if refused.errno != errno.EBUSY or time.monotonic() >= deadline:
                        raise
                time.sleep(0.01)
            while self._image is not None and kernel.attached(self._image):
                if time.monotonic() >= deadline:
                    raise ClusterError(f"{self.name}: its file system does not let go of loop device {self._loop}")
                time.sleep(0.01)

    def shut_down(self) -> None:
        """From now on nothing reaches the device, not even the file system's own journal: power is gone."""
        with self._explained("shutting down its file system"), files.opened(self.data) as there:
            argument = kernel.SHUTDOWN_NO_LOG_FLUSH.to_bytes(4, "little")
            fcntl.ioctl(there, kernel.FS_IOC_SHUTDOWN, argument)

    def fill(self) -> int:
        """Takes all the room there is; returns how many bytes that was."""
        with self._explained("filling its file system"), files.opened(self.data) as there:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            with suppress(FileNotFoundError):
                os.unlink(FILL, dir_fd=there)
            file = os.open(FILL, flags, 0o600, dir_fd=there)
            try:
                return _fill(file)
            finally:
                os.close(file)

    def empty(self) -> None:
        """Gives back what `fill` took."""
        with (
            self._explained("emptying its file system"),
            files.opened(self.data) as there,
            suppress(FileNotFoundError),
        ):
            os.unlink(FILL, dir_fd=there)

    def freeze(self) -> None:
        """Every change waits until `thaw`, or until this process dies."""
        if self._freezer is None:
            with self._explained("freezing its file system"), files.opened(self.data) as there:
                self._freezer = kernel.freeze(there)

    def thaw(self) -> None:
        """Lets everything go on. Fine when nothing is frozen."""
        freezer, self._freezer = self._freezer, None
        if freezer is not None:
            kernel.thaw(freezer)

    def break_off(self) -> None:
        """Makes ext4 find an error of its own, upon which it lets nobody write any more."""
        with self._explained("breaking its file system"):
            Path(f"/sys/fs/ext4/loop{self._loop}/trigger_fs_error").write_text("splitbrain", encoding="ascii")

    def mend(self) -> None:
        """Checks and mounts it again, after `break_off`. Nobody may have files open there."""
        self.unmount()
        self._run(["e2fsck", "-p", str(self._image)], _FSCK_MENDED)
        self.mount()

    def _place(self, mount: int) -> None:
        try:
            kernel.place(mount, self._target, self._process)
        finally:
            os.close(mount)

    def _run(self, argv: list[str], good: tuple[int, ...]) -> None:
        program = _program(argv[0])
        if program is None:
            raise ClusterError(f"{self.name}: {argv[0]} is not installed")
        done = subprocess.run([program, *argv[1:]], capture_output=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode not in good:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-200:]
            raise ClusterError(f"{self.name}: {argv[0]} ended with {done.returncode}: {said}")

    def _explained(self, doing: str) -> AbstractContextManager[None]:
        return files.explained(f"{self.name}: {doing}")


def thaw_below(directory: Path) -> list[str]:
    """Thaws file systems in files below a directory that somebody froze and left; says which. For cleaning up: whoever
    writes to a frozen file system cannot even be killed."""
    thawed: list[str] = []
    if os.geteuid() != 0 or not _whole_machine():
        return thawed  # who may not freeze has nothing to thaw
    for number, backing in kernel.loops().items():
        if not Path(backing).is_relative_to(directory):
            continue
        try:
            mount = kernel.detached_mount("ext4", {"source": f"/dev/loop{number}"})
        except OSError:
            continue  # let go of meanwhile
        try:
            there = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=mount)
            try:
                with suppress(OSError):  # it was not frozen
                    fcntl.ioctl(there, kernel.FITHAW, 0)
                    thawed.append(f"frozen file system {backing}")
            finally:
                os.close(there)
        finally:
            os.close(mount)
    return thawed


def wait_released(directory: Path) -> None:
    """Until no loop device holds a file below a directory, for a few seconds: the kernel takes its time when the last
    process of a node's mount namespace has ended. Raises `ClusterError`."""
    deadline = time.monotonic() + BUSY_S
    while held := [backing for backing in kernel.loops().values() if Path(backing).is_relative_to(directory)]:
        if time.monotonic() >= deadline:
            raise ClusterError(f"{held[0]} is still in use as a file system")
        time.sleep(0.01)


def problem() -> str | None:
    """Why no ext4 can be given to a node here, or None."""
    if os.geteuid() != 0 or not _whole_machine():
        return "only root can give a node an ext4 file system of its own"
    for program in ("mkfs.ext4", "e2fsck"):
        if _program(program) is None:
            return f"{program} is not installed (package e2fsprogs)"
    if not os.access("/dev/loop-control", os.R_OK | os.W_OK):
        return "this machine has no loop devices, or lets nobody use them"
    if not kernel.knows_mounts("ext4"):
        return "the kernel has no ext4, or is older than Linux 5.2"
    return None


def memory_problem() -> str | None:
    """Why not even a file system in memory can be given to a node here, or None."""
    return (
        None if kernel.knows_mounts("tmpfs") else "neither root nor a user namespace's root, so nothing can be mounted"
    )


def _whole_machine() -> bool:
    """Whether root here is root of the machine: it is of no use in a user namespace of its own."""
    mapped = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    return mapped == ["0", "0", str(2**32 - 1)]


def _program(name: str) -> str | None:
    """Where a program is; administrators' programs are not always on the path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _fill(file: int) -> int:
    step = 64 * 1024 * 1024
    size = 0
    while step >= 512:
        try:
            if step > 4096:
                os.posix_fallocate(file, size, step)
                size += step
            else:
                size += os.pwrite(file, bytes(step), size)
        except OSError as refused:
            if refused.errno != errno.ENOSPC:
                raise
            step //= 2
    return size
