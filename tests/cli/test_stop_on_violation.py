"""`run --stop-on-violation`: the load ends at the first violation, and the run stays repeatable."""

from __future__ import annotations

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
