"""JUnit XML: read back by a public parser, whatever a target says."""

from __future__ import annotations

from typing import Any

import pytest
from answers import HOSTILE, answer, case, hostile
from junitparser import Error, Failure, JUnitXml

from reports.junit import junit


def read(given: dict[str, Any]) -> Any:
    return JUnitXml.fromstring(junit(given).encode())


def test_a_suite_is_a_target_and_a_case_a_claim() -> None:
    xml = read(answer(case(), case(name="other"), case("fail", target="multi-leader")))
    assert (xml.tests, xml.failures, xml.errors, xml.skipped) == (3, 1, 0, 0)
    assert [(suite.name, suite.tests, suite.failures) for suite in xml] == [("raft", 2, 0), ("multi-leader", 1, 1)]
    [[first, _], _] = xml
    assert (first.name, first.classname, first.time) == ("raft-linearizable", "raft.register", 12.5)


def test_a_broken_claim_is_a_failure_with_its_proof() -> None:
    [[broken]] = read(answer(case("fail")))
    [failure] = broken.result
    assert isinstance(failure, Failure)
    assert failure.type == "lost-write"
    assert failure.text.splitlines()[0] == "claims.yaml:12: raft-linearizable is broken"
    assert "read x -> ok null" in failure.text
    assert failure.text.splitlines()[-1] == "again: splitbrain run raft --seed 7 --expect linearizable"


@pytest.mark.parametrize("verdict", ["inconclusive", "error"])
def test_a_claim_without_an_answer_is_an_error_and_never_skipped(verdict: str) -> None:
    xml = read(answer(case(verdict)))
    assert (xml.errors, xml.skipped) == (1, 0)
    [[undecided]] = xml
    [result] = undecided.result
    assert isinstance(result, Error)
    assert result.type == verdict


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_are_text(text: str) -> None:
    xml = read(hostile(text))
    assert (xml.tests, xml.failures, xml.errors) == (2, 1, 1)
