"""How sure clean runs make us: the exact bound behind the "rule of three".

If a share p of all runs showed a violation, n runs would all be clean with probability (1 - p)^n. So after n clean
runs, every p above 1 - (1 - confidence)^(1/n) is ruled out at that confidence (Clopper and Pearson, 1934, for no
events). Runs count as independent: they differ in their seeds, from which all else is drawn.
"""

from __future__ import annotations

import math

CONFIDENCE = 0.95
RATE = 0.05


def bound(clean: int, confidence: float = CONFIDENCE) -> float:
    """The share of runs that could still violate a claim after so many clean ones: 1 for none."""
    return 1.0 if clean <= 0 else 1 - (1 - confidence) ** (1 / clean)


def runs_for(confidence: float, rate: float = RATE) -> int:
    """How many clean runs bound the share of violating ones below `rate`. Both lie between 0 and 1, exclusive."""
    return math.ceil(math.log(1 - confidence) / math.log(1 - rate))


def sentence(clean: int, confidence: float = CONFIDENCE) -> str:
    """`59 clean runs: under 5 % of runs violate it, at 95 % confidence`."""
    if clean <= 0:
        return "no clean run: nothing is known"
    runs = "1 clean run" if clean == 1 else f"{clean} clean runs"
    sure = f"{round(confidence * 100, 6):g} %"
    return f"{runs}: under {percent(bound(clean, confidence))} of runs violate it, at {sure} confidence"


def percent(share: float) -> str:
    """Rounded up to two digits, so that the bound stays one."""
    scale = 10.0 ** max(0, 1 - math.floor(math.log10(share * 100)))
    return f"{math.ceil(share * 100 * scale - 1e-9) / scale:g} %"
