"""Patched clocks of real child processes. None of this needs root: a process may trace its children."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from harness.clusters.linux import elf, processes, stub, vdso
from harness.clusters.linux.vdso_image import CannotPatch, image_of, own_layout, plan
from harness.clusters.linux.vdso_self_test import self_test

SECOND = 10**9

if (reason := self_test()) is not None and "x86-64" in reason:
    pytest.skip(reason, allow_module_level=True)

# What a program may ask for the time, by C functions; commands come on standard input.
CLOCK = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
libc.time.restype = ctypes.c_long
def answer():
    print(time.time_ns(), libc.time(None) * 10**9, time.clock_gettime_ns(5), time.monotonic_ns(), flush=True)
for command in sys.stdin:
    if command == "fork\\n":
        if os.fork():
            os.wait()
            break
    elif command == "exec\\n":
        os.execv(sys.executable, [sys.executable, "-c", "import time; print(time.time_ns(), flush=True); input()"])
    answer()
"""

BUSY = """
import ctypes, threading, time
libc = ctypes.CDLL(None)
def spin():
    both = (ctypes.c_long * 2)()
    while True:
        for clock in (0, 1, 5):
            libc.clock_gettime(clock, both)
        libc.gettimeofday(both, None)
        libc.time(both)
for _ in range(3): threading.Thread(target=spin, daemon=True).start()
print("up", flush=True)
while True: print(time.time_ns(), flush=True); input()
"""


class Child:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def tell(self, command: str) -> list[int]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split()]

    def offsets_s(self) -> list[int]:
        """How far each of its wall clocks is from ours, in whole seconds."""
        return [round((said - time.time_ns()) / SECOND) for said in self.tell("")[:3]]


@contextmanager
def running(program: str) -> Iterator[Child]:
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield Child(process)
        process.kill()


def roughly(offsets_s: list[int], wanted_s: int) -> bool:
    # time() has whole seconds, rounded down.
    return all(abs(offset - wanted_s) <= 1 for offset in offsets_s)


def test_the_self_test_passes_here() -> None:
    assert self_test() is None


def test_every_way_to_ask_for_the_time_is_shifted_and_monotonic_is_not() -> None:
    with running(CLOCK) as child:
        assert roughly(child.offsets_s(), 0)
        with closing(vdso.attach(child.pid)) as clock:
            assert roughly(child.offsets_s(), 0)
            for wanted_s in (3600, -86_400, 10**9, 0, 7):
                clock.set(wanted_s * SECOND)
                assert clock.offset_ns() == vdso.offset_ns(child.pid) == wanted_s * SECOND
                assert roughly(child.offsets_s(), wanted_s)
                assert abs(child.tell("")[3] - time.monotonic_ns()) < 5 * SECOND
            with pytest.raises(ValueError, match="more than a century"):
                clock.set(vdso.MAX_OFFSET_NS + 1)


def test_a_restored_process_is_as_it_was() -> None:
    with running(CLOCK) as child:
        untouched = image_of(child.pid)
        clock = vdso.attach(child.pid)
        clock.set(9 * SECOND)
        assert image_of(child.pid) != untouched
        clock.restore()
        assert image_of(child.pid) == untouched
        assert vdso.offset_ns(child.pid) == 0
        assert roughly(child.offsets_s(), 0)
        clock.close()  # a second time


def test_attaching_again_finds_the_patch_and_its_offset() -> None:
    with running(CLOCK) as child:
        with closing(vdso.attach(child.pid)) as clock:
            clock.set(1234)
        with closing(vdso.attach(child.pid)) as again:
            assert again.offset_ns() == 1234
            again.set(-1)
        assert vdso.offset_ns(child.pid) == -1


def test_a_fork_inherits_the_offset_and_has_a_clock_of_its_own() -> None:
    with running(CLOCK) as child, closing(vdso.attach(child.pid)) as clock:
        clock.set(50 * SECOND)
        said = child.tell("fork")
        assert roughly([round((said[0] - time.time_ns()) / SECOND)], 50)
        [fork] = [
            p
            for p in processes.in_namespace(processes.pid_namespace(child.pid))
            if processes.read(p).parent == child.pid
        ]
        with closing(vdso.attach(fork)) as other:
            assert other.offset_ns() == 50 * SECOND
            other.set(80 * SECOND)
            assert roughly(child.offsets_s(), 80)  # it is the fork that answers now
            assert clock.offset_ns() == 50 * SECOND
        os.kill(fork, 9)


def test_a_program_that_executes_another_is_noticed() -> None:
    with running(CLOCK) as child, closing(vdso.attach(child.pid)) as clock:
        child.tell("")
        clock.set(100 * SECOND)
        assert abs(child.tell("exec")[0] - time.time_ns()) < 5 * SECOND
        with pytest.raises(ProcessLookupError):
            clock.set(1)
        with pytest.raises(ProcessLookupError):
            clock.offset_ns()
        assert vdso.offset_ns(child.pid) == 0


def test_a_stopped_process_is_patched_and_stays_stopped() -> None:
    with running(CLOCK) as child:
        child.tell("")
        os.kill(child.pid, 19)
        assert processes.wait_stopped([child.pid], 5) == []
        with closing(vdso.attach(child.pid)) as clock:
            clock.set(3 * SECOND)
        assert processes.stopped(child.pid)
        os.kill(child.pid, 18)
        assert roughly(child.offsets_s(), 3)


def test_threads_that_do_nothing_but_read_the_clock_survive_it() -> None:
    with running(BUSY) as child:
        assert child.process.stdout and child.process.stdout.readline() == "up\n"
        child.process.stdout.readline()
        for round_ in range(40):
            clock = vdso.attach(child.pid)
            for offset_ns in range(0, 10 * SECOND, SECOND):
                clock.set(offset_ns)
            clock.set(100 * SECOND)
            assert abs(child.tell("")[0] - time.time_ns() - 100 * SECOND) < 5 * SECOND
            clock.restore() if round_ % 2 else clock.close()
        assert processes.alive(child.pid)


def test_who_is_gone_cannot_be_patched() -> None:
    with running(CLOCK) as child:
        clock = vdso.attach(child.pid)
        child.process.kill()
        processes.wait_gone([child.pid], 5)
        for attempt in (lambda: clock.set(1), clock.offset_ns, lambda: vdso.attach(child.pid)):
            with pytest.raises(ProcessLookupError):
                attempt()
        clock.close()
    with pytest.raises(ProcessLookupError):
        vdso.attach(child.pid)


def test_an_image_without_room_or_functions_is_refused() -> None:
    image = own_layout().image
    assert plan(image).stub_at % 16 == 0
    with pytest.raises(CannotPatch, match="no room"):
        plan(image.rstrip(b"\0"))
    with pytest.raises(CannotPatch, match="cannot be read"):
        plan(b"\x7fELF" + bytes(4096))
    with pytest.raises(CannotPatch, match="no function __vdso_time"):
        plan(image.replace(b"__vdso_time\0", b"__vdso_emit\0"))


def test_the_stub_lies_in_zero_bytes_behind_everything_else() -> None:
    layout = own_layout()
    assert not layout.image[layout.stub_at - 16 :].strip(b"\0")
    for (at, jump), name in zip(layout.jumps, stub.FUNCTIONS, strict=True):
        target = at + 5 + int.from_bytes(jump[1:], "little", signed=True)
        assert layout.stub_at < target < layout.stub_at + len(layout.stub), name


def test_symbols_of_the_vdso_and_of_garbage() -> None:
    image = own_layout().image
    found = elf.symbols(image)
    assert {f"__vdso_{name}" for name in stub.FUNCTIONS} <= set(found)
    assert all(0 < at < len(image) for at, size in found.values() if size)
    for end in range(0, len(image.rstrip(b"\0")), 97):
        with pytest.raises(ValueError, match=r"ELF image|no dynamic symbols"):
            elf.symbols(image[:end])
    other_machine = image[:18] + b"\xb7\0" + image[20:]
    with pytest.raises(ValueError, match="machine 183"):
        elf.symbols(other_machine)
