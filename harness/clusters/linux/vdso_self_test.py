"""The proof that clocks can be patched on this machine: patch one, read it, and take the patch out again."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing

from harness.clusters.linux import vdso
from harness.clusters.linux.vdso_image import CannotPatch, image_of, own_layout


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
    with closing(vdso.attach(child.pid)) as clock:
        for wanted_ns in (0, 3_600 * 10**9, -86_400 * 10**9 - 1, 0):
            clock.set(wanted_ns)
            if not wall_shifted_by(wanted_ns) or clock.offset_ns() != wanted_ns:
                return f"a child process does not see the {wanted_ns} ns its clock was shifted by"
            if not shifted_by(0, time.CLOCK_MONOTONIC, 1):
                return "patching the wall clock moved the monotonic clock"
        clock.restore()
    restored = image_of(child.pid) == own_layout().image and wall_shifted_by(0)
    return None if restored else "the patch could not be taken out again"
