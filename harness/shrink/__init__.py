"""Shrinks a failing run: finds, by trying, a smaller plan under which the same promise is still broken.

What is left tells what the failure needs: which of the faults, for how long, how many nodes and clients. That works
because every fault has a stream of chance of its own (`harness.schedule`): leaving one out changes neither what the
others are nor, but for the moments it took to inject, when they come.

Rejected: leaving out operations one by one. What a client does next depends on what came back, so a run without one
operation is another run; and the few operations that contradict each other are what the checkers show anyway. Rejected,
too: guessing from the violation's moment which faults were to blame; a lost write is often seen long after its fault.

A try is a whole run, and a smaller run is another history, so a violation that needs luck is lost now and then though
its cause is there. Hence nothing is claimed of what was left out; what is left is shown by a run that fails.

    ddmin.py     which of many faults are needed
    smaller.py   the ways to make a plan smaller
    tries.py     a try: a whole run in the simulator
"""

from harness.shrink.smaller import Limits, shrink
from harness.shrink.tries import aim, tries

__all__ = ["Limits", "aim", "shrink", "tries"]
