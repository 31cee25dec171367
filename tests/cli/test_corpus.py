"""Every file of the corpus as its owner would judge it: by the command line, at every level whose verdict is known."""

from __future__ import annotations

import json
from collections.abc import Iterator

import corpus
import pytest

from harness.cli.main import cli
from harness.history import History

WEAK = ("none", "read-committed", "read-atomic", "causal")
STRONGEST = f"strongest of {', '.join(WEAK)}"

ASSUMED = {
    "strict+wfr": ("--option", "writes_follow_reads=true"),
    "strict+seq": ("--option", "sequential_keys=true"),
    "strict+lin": ("--option", "linearizable_keys=true"),
}

Question = tuple[tuple[str, ...], bool]
"""Words of the command, and whether the answer is a pass."""


def questions(case: corpus.Case) -> Iterator[Question]:
    """All that `expected.json` answers about a file."""
    known = case.expected
    match case.path.parent.name:
        case "awdit":
            for place, level in enumerate(WEAK[1:], start=1):
                yield ("--model", "rw-register", "--level", level), place <= WEAK.index(known[STRONGEST])
        case "txn":
            for level, expected in known["checks"].items():
                words = ASSUMED.get(level, ())
                level = "strict-serializable" if words else level
                yield ("--model", known["model"], "--level", level, *words), expected["valid"]
        case "etcd-register":
            for failed_cas in ("drop", "assert"):
                yield ("--model", "cas-register", "--failed-cas", failed_cas), known["linearizable"]
        case folder:
            yield ("--model", {"kv": "kv", "knossos-cas-register": "cas-register"}[folder]), known["linearizable"]


@pytest.mark.parametrize("case", corpus.cases("awdit", "etcd-register", "knossos-cas-register", "kv", "txn"))
def test_verdicts_by_the_command_line(case: corpus.Case, capsys: pytest.CaptureFixture[str]) -> None:
    # Recorded with clocks that jitter: to be told, and then to be overlooked.
    lenient = ["--lenient"] if "backwards" in " ".join(map(str, History.read(case.path).problems())) else []
    asked = 0
    for words, passes in questions(case):
        code = cli.main(args=["check", str(case.path), *words, *lenient, "--json"], standalone_mode=False)
        told = json.loads(capsys.readouterr().out)
        assert (code, told["verdict"]) == ((0, "pass") if passes else (1, "fail")), (words, told["why"])
        assert bool(told["anomalies"]) is not passes
        assert all(anomaly["ops"] for anomaly in told["anomalies"])
        asked += 1
    assert asked, "nothing is known of it"


def test_no_folder_of_the_corpus_is_left_out() -> None:
    """A folder that is added has to be asked about, too."""
    if not corpus.CORPUS.is_dir():
        pytest.skip(f"the corpus is not beside the repository: {corpus.CORPUS}")
    folders = {path.parent.name for path in corpus.CORPUS.glob("*/expected.json")}
    assert folders == {"awdit", "etcd-register", "knossos-cas-register", "kv", "txn"}
