"""What a record comes to: each failure once, each promise as sure as its runs make it."""

from __future__ import annotations

from harness.campaign.findings import document, findings
from harness.campaign.record import Call, Failure, Record, Run
from tests.harness.campaign.runs import ERROR, FAIL, PASS, UNSURE, ran

OTHER = Failure("held", "lost-update", "an update was lost", "0" * 32)
CALLS = (Call(1.0, ("raft",), 1), Call(2.0, ("raft",), 1))


def test_failures_are_one_whatever_seed_and_faults_and_others_are_others() -> None:
    runs = [
        ran(1, FAIL, ops=300),
        ran(2),
        ran(3, FAIL, ops=200, nemeses=("clock",)),
        ran(4, FAIL, failures=(OTHER,)),
        ran(5, FAIL, ops=10, folder=""),
    ]
    stale, lost = findings(runs)
    assert ([run.seed for run in stale.runs], [run.seed for run in lost.runs]) == ([1, 3, 5], [4])
    told = stale.to_json(0)
    assert (told["times"], told["first_seed"], told["seed"]) == (3, 1, 3)  # the smallest of those that were kept
    assert told["message"] == "seed 3 read an old value"
    assert (told["run"], told["first_run"]) == (runs[2].folder, runs[0].folder)


def test_one_run_shows_a_failure_once() -> None:
    [found] = findings([ran(1, FAIL, failures=(OTHER, OTHER))])
    assert len(found.runs) == 1


def test_the_verdict_is_of_this_call_and_the_rest_is_remembered() -> None:
    record = Record(CALLS, (ran(1, FAIL, call=0), ran(2, call=1), ran(3, UNSURE, call=1)))
    found = document("x", record, 1, 2.0)
    assert (found["verdict"], found["exit_code"], found["runs"]) == ("pass", 0, 2)
    assert found["total"]["runs"] == 3
    [failure] = found["failures"]
    assert (failure["here"], failure["new"], failure["times"]) == (0, False, 1)
    [claim] = found["claims"]
    assert (claim["verdict"], claim["bound"], claim["sure"]) == ("pass", None, "violated in 1 of 3 runs")
    assert (claim["clean"], claim["violated"], claim["unanswered"], claim["here"]) == (1, 1, 1, 2)


def test_a_failure_wins_then_the_harness_then_a_claim_that_nobody_answered() -> None:
    def verdict(*runs: Run) -> str:
        return str(document("x", Record(CALLS[:1], runs), 0, 1.0)["verdict"])

    unsure = ran(4, UNSURE, claims={"other": UNSURE})
    assert verdict(ran(1), ran(2, FAIL), ran(3, ERROR, claims={}), unsure) == "fail"
    assert verdict(ran(1), ran(3, ERROR, claims={}), unsure) == "error"
    assert verdict(ran(1), unsure) == "inconclusive"
    assert verdict(ran(1), ran(2, UNSURE)) == "pass"
    assert verdict() == "inconclusive"


def test_how_sure_and_what_was_mixed() -> None:
    runs = tuple(ran(seed, limits={"limit": seed % 2 == 0}) for seed in range(59))
    found = document("x", Record(CALLS[:1], runs), 0, 1.0, {"raft": {"disk": "no disks"}})
    [claim] = found["claims"]
    assert claim["sure"] == "59 clean runs: under 5 % of runs violate it, at 95 % confidence"
    assert found["limits"] == [{"target": "raft", "claim": "limit", "runs": 59, "shown": 30}]
    assert found["coverage"] == {
        "workloads": {"register": 59},
        "faults": {"kill": {"runs": 59, "applied": 59}, "partition": {"runs": 59, "applied": 0}},
        "nodes": {"5": 59},
        "mixes": 1,
    }
    assert found["untried"] == [{"target": "raft", "family": "disk", "why": "no disks"}]
    assert found["verdicts"] == {"pass": 59, "inconclusive": 0, "error": 0, "fail": 0}


def test_limits_alone_are_no_pass() -> None:
    found = document("x", Record(CALLS[:1], (ran(1, UNSURE, claims={}, limits={"limit": True}),)), 0, 1.0)
    assert (found["verdict"], PASS.value) == ("inconclusive", "pass")
