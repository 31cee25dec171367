"""JUnit XML of a gate's answer: a suite for each target, a test case for each case.

The format has no standard; this keeps to what Jenkins, GitLab and GitHub's actions read. A broken claim is a
`failure`. A claim without an answer is an `error`, as is a harness that failed: `skipped` would be shown in green.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 allows in no form, not even escaped."""


def junit(answer: Mapping[str, Any]) -> str:
    """The file's text, for the document of `harness.gate.answer`."""
    cases = answer["cases"]
    root = Element("testsuites", {"name": "splitbrain", "time": f"{answer['seconds']:.3f}"} | _counts(cases))
    for target in dict.fromkeys(case["target"] for case in cases):
        mine = [case for case in cases if case["target"] == target]
        seconds = sum(case["seconds"] for case in mine)
        suite = SubElement(root, "testsuite", {"name": _legal(target), "time": f"{seconds:.3f}"} | _counts(mine))
        for case in mine:
            _case(suite, case)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _counts(cases: list[Any]) -> dict[str, str]:
    failures = sum(case["verdict"] == "fail" for case in cases)
    errors = sum(case["verdict"] in ("error", "inconclusive") for case in cases)
    return {"tests": str(len(cases)), "failures": str(failures), "errors": str(errors), "skipped": "0"}


def _case(suite: Element, case: Mapping[str, Any]) -> None:
    element = SubElement(
        suite,
        "testcase",
        classname=_legal(f"{case['target']}.{case['workload']}"),
        name=_legal(case["name"]),
        time=f"{case['seconds']:.3f}",
        file=_legal(case["file"]),
        line=str(case["line"]),
    )
    _properties(element, case)
    shown = case["shown"]
    if case["verdict"] == "fail":
        failure = SubElement(element, "failure", message=_legal(case["why"]), type=_legal(shown["anomaly"]))
        failure.text = _legal(_proof(case))
    elif case["verdict"] != "pass":
        SubElement(element, "error", message=_legal(case["why"]), type=case["verdict"]).text = _legal(case["why"])
    if shown and shown["run"]:
        SubElement(element, "system-out").text = _legal(f"[[ATTACHMENT|{shown['run']}/report.html]]")


def _properties(element: Element, case: Mapping[str, Any]) -> None:
    told = {
        "nemeses": ",".join(case["nemeses"]),
        "runs": case["runs"],
        "operations": case["operations"],
        "rate_upper_bound": case["bound"],
        "seed": case["shown"]["seed"] if case["shown"] else None,
        "known": ", ".join(f"{known['anomaly']}: {known['reason']}" for known in case["known"]) or None,
    }
    properties = SubElement(element, "properties")
    for name, value in told.items():
        if value is not None:
            SubElement(properties, "property", name=name, value=_legal(value))


def _proof(case: Mapping[str, Any]) -> str:
    shown = case["shown"]
    lines = [f"{case['file']}:{case['line']}: {case['name']} is broken", shown["message"], *shown["witness"]]
    return "\n".join([*lines, f"again: {shown['command']}"])


def _legal(value: object) -> str:
    return _ILLEGAL.sub(lambda match: f"\\u{ord(match[0]):04x}", str(value))
