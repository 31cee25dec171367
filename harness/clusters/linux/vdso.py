"""Another wall clock for one process: its vDSO, patched.

Programs do not ask the kernel for the time, they call functions that the kernel maps into every process, the vDSO. The
mapping is shared, but a write through /proc/PID/mem gives the process a page of its own. So, with the process stopped,
a stub (`stub`) goes into the zero bytes at the mapping's end and a jump to it over the first five bytes of each
function that tells a wall clock. From then on a new offset costs two small writes and no stop: microseconds, so a clock
can be strobed.

Rejected: libfaketime (needs LD_PRELOAD, so no static or Go program; hangs some servers at start), time namespaces
(shift only MONOTONIC and BOOTTIME), ptrace on each call (slow), the machine's clock (shared by all nodes). The price of
the patch:

- It survives fork but neither exec nor a restart: who starts a service patches it again.
- Programs that make the system call themselves see true time; so does a wait until an absolute REALTIME.
- Each wall-clock or monotonic reading is a system call while patched: about 100 ns instead of 25.
- x86-64 alone, and the caller needs ptrace access to the process.

MONOTONIC is left alone, as a real clock step leaves it alone.
"""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.clusters.linux import processes, stub
from harness.clusters.linux.vdso_image import JUMP_SIZE, CannotPatch, Layout, image_of, is_patched, mapping, own_layout

STOP_TIMEOUT_S = 2.0
ATTEMPTS = 50
RUN_S_MIN, RUN_S_MAX = 0.001, 0.05
"""How long a process runs between two attempts to find it elsewhere: ever longer, for a thread that waits for its turn
on a busy machine stays where it was."""

MAX_OFFSET_NS = 100 * 365 * 86_400 * 10**9
"""A century either way: the sum with the true time stays within the 64 bits of the stub."""


@dataclass(slots=True)
class Clock:
    """The patched clock of one process. Open until `close`; the patch outlives it."""

    pid: int
    memory: int
    """A file descriptor of /proc/PID/mem. It belongs to the program, not to the number: once the process dies or
    executes another program, reads and writes return nothing.
    """
    base: int
    layout: Layout

    def set(self, offset_ns: int) -> None:
        """Sets the offset from true time. Raises ProcessLookupError once the patched program is gone."""
        if abs(offset_ns) > MAX_OFFSET_NS:
            raise ValueError(f"an offset of {offset_ns} ns is more than a century")
        at = self.base + self.layout.stub_at
        (selector,) = self._read(at + stub.SELECTOR_AT, 1)
        other = 1 - selector
        self._write(at + stub.SLOTS_AT + 8 * other, offset_ns.to_bytes(8, "little", signed=True))
        self._write(at + stub.SELECTOR_AT, bytes([other]))

    def offset_ns(self) -> int:
        """The offset in force, read back from the process, where the jumps were found in place too. Raises
        ProcessLookupError once the patched program is gone, `CannotPatch` when the patch is.
        """
        for at, jump in self.layout.jumps:
            if self._read(self.base + at, JUMP_SIZE) != jump:
                raise CannotPatch(f"the clock patch of process {self.pid} is no longer in place")
        return _offset_ns(self._read(self.base + self.layout.stub_at, stub.CODE_AT))

    def restore(self) -> None:
        """Takes the patch out, byte for byte, and closes. The next reading is the true time, at the old speed."""
        with _quiet(self.pid, self.base, self.layout):
            for at, _ in self.layout.jumps:
                self._write(self.base + at, self.layout.original(at))
            self._write(self.base + self.layout.stub_at, bytes(len(self.layout.stub)))
        self.close()

    def close(self) -> None:
        """Lets go of the process. Idempotent."""
        if self.memory >= 0:
            os.close(self.memory)
            self.memory = -1

    def _read(self, at: int, size: int) -> bytes:
        try:
            data = os.pread(self.memory, size, at)
        except OSError as gone:
            raise ProcessLookupError(self.pid) from gone
        if len(data) != size:
            raise ProcessLookupError(self.pid)
        return data

    def _write(self, at: int, data: bytes) -> None:
        try:
            written = os.pwrite(self.memory, data, at)
        except OSError as refused:
            if processes.alive(self.pid):
                raise CannotPatch(f"the kernel refuses writes to process {self.pid}: {refused.strerror}") from refused
            raise ProcessLookupError(self.pid) from refused
        if written != len(data):
            raise ProcessLookupError(self.pid)


def attach(pid: int) -> Clock:
    """Patches the clock of a process, at offset zero, or finds the patch it already has (inherited through fork, or
    made by another controller). A stopped process stays stopped; a running one stands still for about a millisecond.
    Raises ProcessLookupError when it is gone, `CannotPatch` when it cannot be done.
    """
    layout = own_layout()
    base, _ = mapping(pid)
    try:
        memory = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as gone:
        raise ProcessLookupError(pid) from gone
    except PermissionError as refused:
        raise CannotPatch(f"no ptrace access to process {pid}") from refused
    clock = Clock(pid, memory, base, layout)
    try:
        image = clock._read(base, len(layout.image))
        if image == layout.image:
            _install(clock)
        elif not is_patched(image, layout):
            raise CannotPatch(f"the vDSO of process {pid} is not the one this kernel gives to 64-bit programs")
    except BaseException:
        clock.close()
        raise
    return clock


def offset_ns(pid: int) -> int:
    """The offset that a process's clock has, read from its memory: zero for one that was never patched. Raises as
    `attach` does.
    """
    layout = own_layout()
    image = image_of(pid)
    if image == layout.image:
        return 0
    if not is_patched(image, layout):
        raise CannotPatch(f"the vDSO of process {pid} is neither this kernel's nor patched by splitbrain")
    return _offset_ns(image[layout.stub_at :])


def restore(pid: int) -> bool:
    """Takes the patch out of a process, whoever put it there; whether there was one. Raises as `attach` does."""
    layout = own_layout()
    image = image_of(pid)
    if image == layout.image or not is_patched(image, layout):
        return False
    attach(pid).restore()
    return True


def _offset_ns(data: bytes) -> int:
    return int(struct.unpack_from("<q", data, stub.SLOTS_AT + 8 * data[stub.SELECTOR_AT])[0])


def _install(clock: Clock) -> None:
    layout = clock.layout
    with _quiet(clock.pid, clock.base, layout):
        # The stub first: a jump must never lead to where nothing is yet.
        clock._write(clock.base + layout.stub_at, layout.stub)
        for at, jump in layout.jumps:
            clock._write(clock.base + at, jump)


@contextmanager
def _quiet(pid: int, base: int, layout: Layout) -> Iterator[None]:
    """Holds a process still, no thread of it within bytes that are about to change. (A signal handler that interrupted
    one of the few instructions at a function's entry would go unseen; the window is some nanoseconds per call.)
    """
    spans = [(base + at + 1, base + at + JUMP_SIZE) for at, _ in layout.jumps]
    spans.append((base + layout.stub_at, base + layout.stub_at + len(layout.stub)))
    was_stopped = processes.stopped(pid)
    try:
        for attempt in range(ATTEMPTS):
            if not was_stopped:
                os.kill(pid, signal.SIGSTOP)
            if processes.wait_stopped([pid], STOP_TIMEOUT_S):
                raise CannotPatch(f"process {pid} did not stop within {STOP_TIMEOUT_S:g} s")
            if not any(start <= counter < end for counter in _program_counters(pid) for start, end in spans):
                yield
                return
            if was_stopped:
                break
            os.kill(pid, signal.SIGCONT)
            time.sleep(min(RUN_S_MIN * 2**attempt, RUN_S_MAX))
        raise CannotPatch(f"process {pid} was caught in the middle of reading its clock, each time")
    finally:
        if not was_stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _program_counters(pid: int) -> Iterator[int]:
    """Where each thread is, from the last field of /proc/PID/task/TID/syscall."""
    for thread in processes.threads(pid):
        try:
            text = Path(f"/proc/{pid}/task/{thread.pid}/syscall").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue
        except PermissionError as refused:
            raise CannotPatch(f"no ptrace access to process {pid}") from refused
        if text.startswith("running"):
            raise CannotPatch(f"thread {thread.pid} of process {pid} runs although it was stopped")
        yield int(text.split()[-1], 16)
