"""Who made a thing: the one process, of one boot, that can still be asked whether it lives.

Everything splitbrain leaves on a machine carries the identity of its controller, so that a later start can tell what a
dead run left from what a living run uses. A process id alone would not do: it is reused, within a day on a busy machine
and at once after a boot. Start times (clock ticks since the boot, proc(5), field 22) make it unique within a boot, the
boot id makes it unique across boots, and the pid namespace says whose numbers these are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.clusters.linux import processes

_INITIAL_PID_NAMESPACE = 0xEFFFFFFC
"""The inode of the machine's first pid namespace, fixed in the kernel's sources (PROC_PID_INIT_INO): from it, every
process is seen.
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """One controller process. `str()` and `parse` are inverse; the text is safe in labels and comments."""

    boot: str
    pid_namespace: int
    pid: int
    start_ticks: int

    def __str__(self) -> str:
        return f"{self.boot}:{self.pid_namespace}:{self.pid}:{self.start_ticks}"

    @classmethod
    def parse(cls, text: str) -> Identity:
        """Raises ValueError for anything that `str()` did not write."""
        boot, namespace, pid, start = text.split(":")
        return cls(boot, int(namespace), int(pid), int(start))

    @classmethod
    def own(cls) -> Identity:
        """The identity of this very process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Identity:
        """The identity of a process, which this one can see. Raises ProcessLookupError when it is gone."""
        return cls(boot_id(), _own_pid_namespace(), pid, processes.read(pid).start_ticks)

    def alive(self) -> bool:
        """Whether that controller may still be running. In doubt, it lives: what lives is never touched."""
        if self.boot != boot_id():
            return False
        if self.pid_namespace != _own_pid_namespace():
            # Its numbers mean nothing here. If every process of the machine can be seen and none is in that namespace,
            # it is gone.
            return _own_pid_namespace() != _INITIAL_PID_NAMESPACE or bool(processes.in_namespace(self.pid_namespace))
        try:
            process = processes.read(self.pid)
        except ProcessLookupError:
            return False
        return process.start_ticks == self.start_ticks and process.state not in processes.DEAD_STATES


@cache
def boot_id() -> str:
    """The kernel's name for this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@cache
def _own_pid_namespace() -> int:
    return processes.pid_namespace(os.getpid())
