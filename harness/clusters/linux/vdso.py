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
import platform
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.clusters.linux import elf, processes, stub

STOP_TIMEOUT_S = 2.0
ATTEMPTS = 50

MAX_OFFSET_NS = 100 * 365 * 86_400 * 10**9
"""A century either way: the sum with the true time stays within the 64 bits of the stub."""

_JUMP_SIZE = 5


class CannotPatch(Exception):
    """This process, kernel or machine does not allow its clock to be patched; the message says what stands
    in the way.
    """


@dataclass(frozen=True, slots=True)
class Layout:
    """What the vDSO of this kernel looks like, the same in every 64-bit process: the pristine `image`, where the stub
    goes, and the jumps.
    """

    image: bytes
    stub_at: int
    stub: bytes
    jumps: tuple[tuple[int, bytes], ...]

    def original(self, at: int) -> bytes:
        """What was there before a jump was."""
        return self.image[at : at + _JUMP_SIZE]


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
            if self._read(self.base + at, _JUMP_SIZE) != jump:
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
    base, _ = _mapping(pid)
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
        elif not _is_patched(image, layout):
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
    image = _image_of(pid)
    if image == layout.image:
        return 0
    if not _is_patched(image, layout):
        raise CannotPatch(f"the vDSO of process {pid} is neither this kernel's nor patched by splitbrain")
    return _offset_ns(image[layout.stub_at :])


def self_test() -> str | None:
    """Patches a child process, shifts its clock, shifts it back and takes the patch out. None when all of it worked,
    else what did not.
    """
    program = (
        "import sys, time\n"
        "for _ in sys.stdin: print(time.time_ns(), time.clock_gettime_ns(time.CLOCK_MONOTONIC), flush=True)"
    )
    arguments = [sys.executable, "-I", "-S", "-c", program]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        try:
            return _examine(child)
        except (CannotPatch, OSError, ValueError) as problem:
            return f"the clock of a child process cannot be patched: {problem}"
        finally:
            child.kill()


@cache
def own_layout() -> Layout:
    """The layout of this kernel's vDSO, read from this very process. Raises `CannotPatch`."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        raise CannotPatch(f"clocks are patched on x86-64 Linux only, and this is {platform.machine()} {sys.platform}")
    return plan(_image_of(os.getpid()))


def plan(image: bytes) -> Layout:
    """Finds room for the stub in a vDSO image, and the functions to divert. Raises `CannotPatch` when something is
    missing.
    """
    code, entries = stub.assemble()
    # 16 bytes of distance: the last used byte may be followed by zeros that belong to it. Then the next 16-byte
    # boundary.
    stub_at = (len(image.rstrip(b"\0")) + 16 + 15) // 16 * 16
    if stub_at + len(code) > len(image):
        raise CannotPatch(f"the vDSO has no room for {len(code)} bytes of code")
    try:
        found = elf.symbols(image)
    except ValueError as problem:
        raise CannotPatch(f"the vDSO cannot be read: {problem}") from problem
    jumps = []
    for name in stub.FUNCTIONS:
        at, size = found.get(f"__vdso_{name}", (0, 0))
        if size < _JUMP_SIZE:
            raise CannotPatch(f"the vDSO has no function __vdso_{name} that a jump fits in")
        distance = stub_at + entries[name] - (at + _JUMP_SIZE)
        jumps.append((at, b"\xe9" + distance.to_bytes(4, "little", signed=True)))
    return Layout(image, stub_at, code, tuple(jumps))


def _offset_ns(data: bytes) -> int:
    return int(struct.unpack_from("<q", data, stub.SLOTS_AT + 8 * data[stub.SELECTOR_AT])[0])


def _is_patched(image: bytes, layout: Layout) -> bool:
    code_at = layout.stub_at + stub.CODE_AT
    return image[layout.stub_at :].startswith(stub.MAGIC) and image[code_at:].startswith(layout.stub[stub.CODE_AT :])


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
    spans = [(base + at + 1, base + at + _JUMP_SIZE) for at, _ in layout.jumps]
    spans.append((base + layout.stub_at, base + layout.stub_at + len(layout.stub)))
    was_stopped = processes.stopped(pid)
    try:
        for _ in range(ATTEMPTS):
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
            time.sleep(0.001)
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


def _mapping(pid: int) -> tuple[int, int]:
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError) as gone:
        raise ProcessLookupError(pid) from gone
    except PermissionError as refused:
        raise CannotPatch(f"no ptrace access to process {pid}") from refused
    for line in lines:
        words = line.split(maxsplit=5)
        if words[-1] == "[vdso]":
            start, end = words[0].split("-")
            return int(start, 16), int(end, 16)
    if not lines:
        raise ProcessLookupError(pid)  # a zombie has no memory
    raise CannotPatch(f"process {pid} has no vDSO")


def _examine(child: subprocess.Popen[bytes]) -> str | None:
    assert child.stdin and child.stdout
    stdin, stdout = child.stdin, child.stdout

    def shifted_by(wanted_ns: int, clock_id: int, field: int) -> bool:
        """Whether the child reads that clock as ours and so much more. The child looked between our two looks, however
        slow the machine.
        """
        earliest = time.clock_gettime_ns(clock_id)
        stdin.write(b"?\n")
        read = int(stdout.readline().split()[field])
        return earliest <= read - wanted_ns <= time.clock_gettime_ns(clock_id)

    def wall_shifted_by(wanted_ns: int) -> bool:
        return shifted_by(wanted_ns, time.CLOCK_REALTIME, 0)

    if not wall_shifted_by(0):
        return "a child process reads another clock than its parent"
    with closing_clock(attach(child.pid)) as clock:
        for wanted_ns in (0, 3_600 * 10**9, -86_400 * 10**9 - 1, 0):
            clock.set(wanted_ns)
            if not wall_shifted_by(wanted_ns) or clock.offset_ns() != wanted_ns:
                return f"a child process does not see the {wanted_ns} ns its clock was shifted by"
            if not shifted_by(0, time.CLOCK_MONOTONIC, 1):
                return "patching the wall clock moved the monotonic clock"
        clock.restore()
    restored = _image_of(child.pid) == own_layout().image and wall_shifted_by(0)
    return None if restored else "the patch could not be taken out again"


@contextmanager
def closing_clock(clock: Clock) -> Iterator[Clock]:
    """Closes a clock at the end, its patch left in place."""
    try:
        yield clock
    finally:
        clock.close()


def _image_of(pid: int) -> bytes:
    start, end = _mapping(pid)
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(start)
            image = memory.read(end - start)
    except FileNotFoundError as gone:
        raise ProcessLookupError(pid) from gone
    except PermissionError as refused:
        raise CannotPatch(f"no ptrace access to process {pid}") from refused
    if len(image) != end - start:
        raise ProcessLookupError(pid)
    return image
