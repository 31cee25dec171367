"""The pulse of a simulation: virtual time cannot end what never gives way, so processor time does.

A node that computes for ever would take the whole simulation with it, which is one thread. What is measured is the
processor time of this process: a machine that is busy elsewhere, or asleep, makes nobody look stuck.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

from harness.clusters.sim.loop import SECOND_NS, SimLoop

STILL_S_MAX = 60.0
"""Processor time for which virtual time may stand still."""


class Stuck(KeyboardInterrupt):
    """Time has stood still for too long. Passes through code that takes any `Exception` for its own, as Ctrl-C does."""


class Pulse:
    """While entered, raises `Stuck` out of whatever runs when virtual time does not move on. Does nothing outside the
    main thread, which alone can be interrupted, or where somebody else uses the timer."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._seen_ns = -1
        self._installed = False

    def __enter__(self) -> None:
        mine = threading.current_thread() is threading.main_thread()
        if mine and signal.getsignal(signal.SIGVTALRM) is signal.SIG_DFL:
            signal.signal(signal.SIGVTALRM, self._beat)
            signal.setitimer(signal.ITIMER_VIRTUAL, STILL_S_MAX, STILL_S_MAX)
            self._installed = True

    def __exit__(self, *_: object) -> None:
        if self._installed:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, signal.SIG_DFL)

    def _beat(self, _number: int, frame: FrameType | None) -> None:
        now_ns, seen_ns = self._loop.now_ns, self._seen_ns
        self._seen_ns = now_ns
        if now_ns == seen_ns:
            where = f", in {frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})" if frame else ""
            raise Stuck(
                f"{self._loop.active!r} has computed for {STILL_S_MAX:g} s of processor time at "
                f"{now_ns / SECOND_NS:g} s of virtual time, and does not give way{where}"
            )
