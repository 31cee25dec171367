"""SARIF: valid by the published schema, whatever a target says; alerts that stay the same from run to run."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from answers import HOSTILE, answer, case, hostile, shown
from sarif_schema import schema

from reports.sarif import sarif


def validated(given: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sarif(given))
    jsonschema.Draft4Validator(schema()).validate(document)
    return document


def test_the_schema_is_not_satisfied_by_anything() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(schema()).validate({"version": "2.1.0", "runs": [{"results": [{"level": "bad"}]}]})


def test_an_alert_stands_at_the_line_of_the_broken_claim_with_its_proof() -> None:
    [run] = validated(answer(case(), case("fail")))["runs"]
    [result] = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "lost-write"
    assert result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "claims.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"]["startLine"] == 12
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps] == shown()["witness"]
    assert "splitbrain run raft --seed 7" in result["message"]["text"]


def test_the_fingerprint_is_that_of_the_anomaly_not_of_the_run() -> None:
    [first], [second] = (
        validated(answer(case("fail", shown=shown(seed=seed, message=f"seed {seed}"))))["runs"][0]["results"]
        for seed in (1, 2)
    )
    assert first["partialFingerprints"] == second["partialFingerprints"] == {"claimAnomaly/v1": "0123456789abcdef"}


def test_what_has_no_answer_warns_and_what_is_accepted_is_suppressed_with_its_reason() -> None:
    known = shown() | {"reason": "last write wins", "issue": "", "expires": "", "baseline": "known.yaml:3"}
    results = validated(answer(case("inconclusive"), case("error"), case("pass", known=[known])))["runs"][0]["results"]
    assert [(result["ruleId"], result["level"]) for result in results] == [
        ("inconclusive", "warning"),
        ("error", "warning"),
        ("lost-write", "note"),
    ]
    assert results[2]["suppressions"][0]["justification"] == "last write wins"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_leave_it_valid_and_bounded(text: str) -> None:
    document = validated(hostile(text))
    assert len(json.dumps(document)) < 200_000


@pytest.mark.parametrize("file", ["a b/claims.yaml", "/srv/claims.yaml", "ä#?%.yaml"])
def test_any_path_is_a_uri(file: str) -> None:
    validated(answer(case("fail", file=file), file=file))
