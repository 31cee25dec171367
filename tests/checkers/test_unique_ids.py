"""Identifiers."""

from __future__ import annotations

import pytest

from checkers.unique_ids import UniqueIds
from harness.errors import HistoryError
from harness.verdict import Verdict
from tests.checkers.lines import done, judged, only


def test_distinct() -> None:
    text = done(0, "generate", "", "-3") + done(1, "generate", "", "12") + done(2, "generate", "", '"12"')
    result = judged(UniqueIds(), text + "3 invoke generate\n3 info generate\n")
    assert (result.verdict, result.stats["range"], result.stats["attempted"]) == (Verdict.PASS, "-3..12", 4)
    assert result.why == "3 identifiers were given out, each once"


def test_given_out_twice() -> None:
    result = judged(UniqueIds(), "".join(done(process, "generate", "", '"a"') for process in range(3)))
    assert only(result).message == '"a" was given to process 0 at 2 ms and to process 1 at 4 ms, 3 times in all.'
    assert (only(result).ops, result.stats["duplicate"]) == ((0, 1, 2, 3), 1)


def test_too_few() -> None:
    for text in ("", done(0, "generate", "", "1"), "0 invoke generate\n0 info generate 1\n1 invoke generate\n"):
        assert judged(UniqueIds(), text).verdict is Verdict.INCONCLUSIVE


def test_other_histories_are_refused() -> None:
    with pytest.raises(HistoryError, match=r"^event 1: a generate returned no identifier"):
        judged(UniqueIds(), done(0, "generate"))
    with pytest.raises(HistoryError, match=r"^event 0: a generator of identifiers knows generate"):
        judged(UniqueIds(), done(0, "read", "", "1"))
