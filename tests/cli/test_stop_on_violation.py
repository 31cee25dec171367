"""`run --stop-on-violation`: the load ends at the first violation, and the run stays repeatable."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from cli.conftest import Splitbrain

WORDS = ("run", "multi-leader", "--nemesis", "partition", "--time", "60s", "--seed", "7", "--expect", "linearizable")


def test_the_load_ends_at_the_first_violation_and_the_verdict_is_that_of_the_shorter_history(
    splitbrain: Splitbrain,
) -> None:
    whole = splitbrain.json(*WORDS)
    stopped = splitbrain.json(*WORDS, "--stop-on-violation")
    assert (stopped["verdict"], stopped["exit_code"]) == ("fail", 1)
    assert stopped["stats"]["ops"] < whole["stats"]["ops"] / 10
    again = splitbrain.json("check", f"{stopped['run']}/history.arrow", "--model", "cas-register")
    assert again["verdict"] == "fail"
    assert "--stop-on-violation" in stopped["command"]


def test_a_stopped_run_is_repeated_to_the_byte(splitbrain: Splitbrain) -> None:
    run = splitbrain.json(*WORDS, "--stop-on-violation")["run"]
    assert splitbrain.json("replay", run)["identical"] is True


def test_a_run_without_a_violation_goes_on_to_its_end(splitbrain: Splitbrain) -> None:
    words = ("run", "raft", "--time", "10s", "--seed", "3")
    whole, watched = splitbrain.json(*words), splitbrain.json(*words, "--stop-on-violation")
    assert watched["verdict"] == "pass"
    assert watched["stats"]["ops"] == whole["stats"]["ops"]


@pytest.mark.parametrize(
    ("workload", "expect", "model"),
    [
        ("append", "serializable", ("list-append", "--level", "serializable")),
        ("append", "strict-serializable", ("list-append", "--level", "strict-serializable")),
        ("set", "linearizable", ("set",)),
        ("lock", "linearizable", ("mutex",)),
    ],
)
def test_other_workloads_end_at_a_violation_that_the_whole_run_has_as_well(
    splitbrain: Splitbrain, workload: str, expect: str, model: tuple[str, ...]
) -> None:
    words = ("run", "multi-leader", "--workload", workload, "--nemesis", "partition", "--time", "60s", "--seed", "7")
    whole = splitbrain.json(*words, "--expect", expect)
    stopped = splitbrain.json(*words, "--expect", expect, "--stop-on-violation")
    assert whole["verdict"] == stopped["verdict"] == "fail"
    assert stopped["stats"]["stopped"]["claim"] == expect
    assert stopped["stats"]["ops"] < whole["stats"]["ops"] / 2
    again = splitbrain.json("check", f"{stopped['run']}/history.arrow", "--model", *model)
    assert again["verdict"] == "fail"


def test_what_needs_the_whole_history_is_refused_with_what_does_not(
    splitbrain: Splitbrain, refused: Callable[[subprocess.CompletedProcess[str], int], str]
) -> None:
    words = ("run", "multi-leader", "--workload", "set", "--expect", "set-full", "--stop-on-violation")
    told = refused(splitbrain(*words), 2)
    assert "(set-full)" in told
    assert "linearizable of a register, a set or a mutex" in told
