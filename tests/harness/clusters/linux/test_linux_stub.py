"""The stub, executed in a page of this very process: its arithmetic, its manners, and what it leaves alone."""

from __future__ import annotations

import ctypes
import errno
import mmap
import platform
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.linux import stub

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the stub is x86-64 code")

SECOND = 10**9


class Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("fraction", ctypes.c_int64))


class Stub:
    """The stub in memory that may be executed, callable as the vDSO's functions are."""

    def __init__(self) -> None:
        code, entries = stub.assemble()
        self.page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self.page.write(code)
        self.anchor = ctypes.c_char.from_buffer(self.page)
        base = ctypes.addressof(self.anchor)
        pointer = ctypes.c_void_p
        self.clock_gettime = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, pointer)(base + entries["clock_gettime"])
        self.gettimeofday = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)(base + entries["gettimeofday"])
        self.time = ctypes.CFUNCTYPE(ctypes.c_int64, pointer)(base + entries["time"])

    def set(self, slot: int, offset_ns: int, *, select: bool = True) -> None:
        at = stub.SLOTS_AT + 8 * slot
        self.page[at : at + 8] = offset_ns.to_bytes(8, "little", signed=True)
        if select:
            self.page[stub.SELECTOR_AT] = slot

    def read_ns(self, clock_id: int) -> int:
        answer = Timespec()
        assert self.clock_gettime(clock_id, ctypes.addressof(answer)) == 0
        assert 0 <= answer.fraction < SECOND
        return int(answer.seconds) * SECOND + int(answer.fraction)

    def day_ns(self) -> int:
        answer = Timespec()
        assert self.gettimeofday(ctypes.addressof(answer), None) == 0
        assert 0 <= answer.fraction < 1_000_000
        return int(answer.seconds) * SECOND + int(answer.fraction) * 1000


@pytest.fixture(scope="module")
def loaded() -> Iterator[Stub]:
    made = Stub()
    yield made
    del made.anchor
    made.page.close()


offsets = st.integers(-100 * 365 * 86_400 * SECOND, 100 * 365 * 86_400 * SECOND)


@given(offset_ns=offsets, slot=st.sampled_from([0, 1]))
def test_every_wall_clock_is_the_true_one_plus_the_offset(loaded: Stub, offset_ns: int, slot: int) -> None:
    """Also where the sum is before 1970, where whole seconds and rest have to be rounded down, not towards zero."""
    loaded.set(slot, offset_ns)
    before = time.time_ns()
    precise = loaded.read_ns(0)
    day = loaded.day_ns()
    seconds = loaded.time(None)
    after = time.time_ns()
    assert before <= precise - offset_ns <= after
    # Microseconds and the coarse clock's ticks (at most 10 ms) are rounded down.
    assert before - 2000 <= day - offset_ns <= after
    assert before + offset_ns - SECOND - 10**7 < seconds * SECOND <= after + offset_ns


REALTIME_COARSE, REALTIME_ALARM, TAI = 5, 8, 11


@pytest.mark.parametrize("clock_id", [time.CLOCK_REALTIME, REALTIME_COARSE, REALTIME_ALARM, TAI])
def test_all_wall_clocks_move(loaded: Stub, clock_id: int) -> None:
    loaded.set(0, 3600 * SECOND)
    try:
        true_ns = time.clock_gettime_ns(clock_id)
    except OSError as absent:  # a machine without a real-time clock has no alarms
        assert loaded.clock_gettime(clock_id, None) == -(absent.errno or 0)
        return
    assert 0 <= loaded.read_ns(clock_id) - true_ns - 3600 * SECOND < SECOND


@pytest.mark.parametrize("clock_id", [time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME, time.CLOCK_PROCESS_CPUTIME_ID, 4, 6])
def test_no_other_clock_moves(loaded: Stub, clock_id: int) -> None:
    loaded.set(0, 3600 * SECOND)
    before = time.clock_gettime_ns(clock_id)
    assert before <= loaded.read_ns(clock_id) <= time.clock_gettime_ns(clock_id) + 10**7


def test_a_clock_of_a_process_has_a_negative_id_and_is_not_taken_for_a_wall_clock(loaded: Stub) -> None:
    loaded.set(0, 3600 * SECOND)
    own_cpu_clock = ~0 << 3 | 2  # of process 0, which is the caller: see clock_getcpuclockid(3)
    assert loaded.read_ns(own_cpu_clock) < 3600 * SECOND


def test_only_the_selected_slot_counts(loaded: Stub) -> None:
    loaded.set(1, 5 * SECOND)
    loaded.set(0, 10**9 * SECOND, select=False)
    assert abs(loaded.read_ns(0) - time.time_ns() - 5 * SECOND) < SECOND


def test_errors_and_missing_arguments_are_the_kernels_business(loaded: Stub) -> None:
    assert loaded.clock_gettime(999, None) == -errno.EINVAL
    assert loaded.clock_gettime(0, None) == -errno.EFAULT
    assert loaded.gettimeofday(None, None) == 0
    zone = Timespec()
    assert loaded.gettimeofday(None, ctypes.addressof(zone)) == 0


def test_time_also_stores_what_it_returns(loaded: Stub) -> None:
    loaded.set(0, -SECOND * 1000)
    stored = ctypes.c_int64()
    assert loaded.time(ctypes.addressof(stored)) == stored.value
    assert abs(stored.value - (time.time() - 1000)) < 2
