"""Claims files: what they say, and every kind of mistake told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import PlanError
from harness.gate.claims_file import Case, load

HEAD = "claims:\n"


def cases(folder: Path, text: str) -> list[Case]:
    file = folder / "claims.yaml"
    file.write_text(text)
    return load(file)


def test_a_claim_becomes_a_case_with_its_line_and_its_plan(tmp_path: Path) -> None:
    text = "# promises\ndefaults: {time: 12s, seeds: 7}\nclaims:\n  - {id: a, target: raft, expect: linearizable}\n"
    [case] = cases(tmp_path, text)
    assert (case.name, case.line, case.wanted, case.plan.time, case.plan.seed) == ("a", 4, 7, 12.0, 0)
    assert case.where.endswith("claims.yaml:4")
    assert case.expect.name == "linearizable"


def test_targets_and_lists_of_nemeses_multiply(tmp_path: Path) -> None:
    text = HEAD + "  - {id: a, target: [raft, paxos], nemeses: [[partition], [kill, pause]], expect: linearizable}\n"
    assert [case.name for case in cases(tmp_path, text)] == [
        "a/raft/partition",
        "a/raft/kill+pause",
        "a/paxos/partition",
        "a/paxos/kill+pause",
    ]


def test_confidence_sets_the_number_of_runs_unless_the_claim_gives_one(tmp_path: Path) -> None:
    text = (
        "defaults: {seeds: 3}\nclaims:\n"
        "  - {id: a, target: raft, expect: linearizable, confidence: 0.99}\n"
        "  - {id: b, target: raft, expect: linearizable, confidence: 0.99, rate: 0.5}\n"
        "  - {id: c, target: raft, expect: linearizable, confidence: 0.99, seeds: 4}\n"
        "  - {id: d, target: raft, expect: linearizable}\n"
    )
    assert [case.wanted for case in cases(tmp_path, text)] == [90, 7, 4, 3]


def test_a_package_of_faults_is_taken_apart_once_for_all(tmp_path: Path) -> None:
    [case] = cases(tmp_path, HEAD + "  - {id: a, target: raft, nemeses: [standard], expect: linearizable}\n")
    assert case.plan.families == ["partition", "kill", "pause", "clock"]


MISTAKES = {
    "no target of that name": ("{id: a, target: rafft, expect: linearizable}", 2, "did you mean raft?"),
    "no workload of that name": ("{id: a, target: raft, workload: regster, expect: x}", 2, "did you mean register?"),
    "no nemesis of that name": ("{id: a, target: raft, nemeses: [partitions], expect: x}", 2, "did you mean partition"),
    "no cluster of that name": ("{id: a, target: raft, cluster: simm, expect: x}", 2, "did you mean sim?"),
    "nothing of that name to expect": ("{id: a, target: raft, expect: linear}", 2, "expect one of"),
    "an option its checker refuses": ("{id: a, target: raft, expect: {availability: {mn: 1}}}", 2, "mn"),
    "an option its workload refuses": ("{id: a, target: raft, workload: {register: {kees: 1}}, expect: x}", 2, "kees"),
    "a field that does not exist": ("{id: a, target: raft, expct: x, expect: x}", 2, "expected one of target"),
    "no id": ("{target: raft, expect: linearizable}", 2, "'claims.0.id' is missing"),
    "no expectation": ("{id: a, target: raft}", 2, "'claims.0.expect' is missing"),
    "no target": ("{id: a, expect: linearizable}", 2, "names no target"),
    "an id of other characters": ("{id: 'a b', target: raft, expect: linearizable}", 2, "an id is letters"),
    "a duration without a unit": ("{id: a, target: raft, time: 5 parsecs, expect: linearizable}", 2, "not a duration"),
    "too many nodes": ("{id: a, target: raft, nodes: 1000, expect: linearizable}", 2, "100"),
    "no runs at all": ("{id: a, target: raft, seeds: 0, expect: linearizable}", 2, "seeds"),
    "certainty": ("{id: a, target: raft, confidence: 1, expect: linearizable}", 2, "confidence"),
    "a workload the target does not serve": ("{id: a, target: crdt, workload: bank, expect: bank}", 2, "no client"),
    "a nemesis named twice": ("{id: a, target: raft, nemeses: [kill, kill], expect: linearizable}", 2, "named twice"),
    "an expectation that is none": ("{id: a, target: raft, expect: 7}", 2, "cannot expect 7"),
}


@pytest.mark.parametrize("entry, line, words", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, entry: str, line: int, words: str) -> None:
    with pytest.raises(PlanError) as told:
        cases(tmp_path, f"{HEAD}  - {entry}\n")
    assert f"claims.yaml:{line}: " in str(told.value)
    assert words in str(told.value)


def test_every_mistake_is_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = HEAD + (
        "  - {id: a, target: raft, expect: linearizable}\n"
        "  - {id: b, target: raftt, expect: linearizable}\n"
        "  - id: a\n    target: raft\n    expect: lin\n"
    )
    with pytest.raises(PlanError) as told:
        cases(tmp_path, text)
    lines = str(told.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["3", "4", "6"]
    assert "taken by the claim in line 2" in lines[1]
    assert told.value.line == 3


def test_a_mistake_in_the_defaults_is_told_there(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"claims.yaml:1: .*no target is called 'raftt'"):
        cases(tmp_path, "defaults: {target: raftt}\nclaims:\n  - {id: a, expect: linearizable}\n")


@pytest.mark.parametrize(
    "text", ["", "[]", "claims: []", "claims: {}", "claims: [1]", "a: b", "claims: [", "x: &a [*a]", "\x00"]
)
def test_what_is_no_claims_file_is_refused_in_one_message(tmp_path: Path, text: str) -> None:
    with pytest.raises(PlanError, match=r"claims\.yaml"):
        cases(tmp_path, text)


def test_a_missing_file_is_told() -> None:
    with pytest.raises(PlanError, match="cannot be read"):
        load(Path("nowhere.yaml"))
