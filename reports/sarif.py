"""SARIF 2.1.0 of a gate's answer, for code scanning: an alert stands at the line of the claim that is broken.

A result's fingerprint leaves out seed and time, so the same violation found again is the same alert. The operations
that prove it are a code flow, one step an operation, all at the claim's line, since histories have no place in the
sources. Sizes are bounded below what GitHub takes. Source: OASIS, "Static Analysis Results Interchange Format 2.1.0".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from harness import __version__
from reports.text import clean

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"fail": "error", "error": "warning", "inconclusive": "warning"}
_UNDECIDED = {
    "inconclusive": "A claim that could not be judged",
    "error": "The harness failed, which says nothing of the claim",
}
"""Rules that are no anomalies."""


def sarif(answer: Mapping[str, Any]) -> str:
    """The file's text, for the document of `harness.gate.answer`."""
    results = [result for case in answer["cases"] for result in _results(case)]
    rules = sorted({result["ruleId"] for result in results})
    for result in results:
        result["ruleIndex"] = rules.index(result["ruleId"])
    run = {
        "tool": {
            "driver": {
                "name": "splitbrain",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(name) for name in rules],
            }
        },
        "automationDetails": {"id": f"splitbrain/{PurePath(answer['file']).stem}/"},
        "invocations": [{"executionSuccessful": answer["exit_code"] in (0, 1, 3), "exitCode": answer["exit_code"]}],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(name: str) -> dict[str, Any]:
    text = _UNDECIDED.get(name, f"A claim is broken: {name}")
    return {
        "id": name,
        "name": name,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": "The run's report shows the operations that prove it, and the command that repeats the run."},
        "defaultConfiguration": {"level": "warning" if name in _UNDECIDED else "error"},
        "properties": {"tags": ["consistency", "distributed-systems"], "precision": "very-high"},
    }


def _results(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [_violation(case, known, suppressed=True) for known in case["known"]]
    if case["verdict"] == "fail":
        found.append(_violation(case, case["shown"], suppressed=False))
    elif case["verdict"] != "pass":
        found.append(_result(case, case["verdict"], case["why"], f"{clean(case['name'], 200)}/{case['verdict']}"))
    return found


def _violation(case: Mapping[str, Any], shown: Mapping[str, Any], *, suppressed: bool) -> dict[str, Any]:
    text = f"{case['name']}: {shown['message']}\nAgain: {shown['command']}"
    result = _result(case, shown["anomaly"], text, shown["fingerprint"])
    if shown["witness"]:
        steps = [{"location": _location(case) | {"message": {"text": clean(line)}}} for line in shown["witness"]]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    if suppressed:
        suppression = {"kind": "external", "status": "accepted", "justification": clean(shown["reason"])}
        result["suppressions"] = [suppression]
    return result


def _result(case: Mapping[str, Any], rule: str, text: str, fingerprint: str) -> dict[str, Any]:
    return {
        "ruleId": clean(rule, 200),
        "level": _LEVELS.get(case["verdict"], "note"),
        "message": {"text": clean(text)},
        "locations": [_location(case)],
        "partialFingerprints": {"claimAnomaly/v1": fingerprint},
        "properties": {
            "target": clean(case["target"], 200),
            "workload": clean(case["workload"], 200),
            "nemeses": case["nemeses"],
        },
    }


def _location(case: Mapping[str, Any]) -> dict[str, Any]:
    where = PurePath(case["file"])
    artifact: dict[str, Any] = {"uri": quote(where.as_posix())}
    if where.is_absolute():
        artifact["uri"] = where.as_uri()
    else:
        artifact["uriBaseId"] = "%SRCROOT%"
    region = {"startLine": case["line"], "endLine": case["line"]}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}
