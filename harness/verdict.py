"""The lattice of verdicts and the exit codes that CI jobs trust."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """The answer to one claim.

    A run's verdict is the worst of its claims, in the order fail > error > inconclusive > pass.
    """

    PASS = "pass"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    FAIL = "fail"

    @property
    def exit_code(self) -> int:
        """0 pass, 1 fail, 3 inconclusive, 4 harness error (2 is kept for usage errors)."""
        return _EXIT_CODES[self]

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """The worst of them; `inconclusive` when there is none, since nothing was judged."""
        return max(verdicts, key=_RANKS.__getitem__, default=cls.INCONCLUSIVE)


_RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}
_EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3, Verdict.ERROR: 4}
