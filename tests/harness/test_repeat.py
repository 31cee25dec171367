"""The command that repeats a run gives the same plan again."""

import shlex
from typing import Any

import pytest

from harness.cli.options import plan_from
from harness.cli.run_command import command as run
from harness.plan import Plan
from harness.repeat import command


def parsed(words: list[str]) -> Plan:
    """The plan that the command line makes of these words."""
    context = run.make_context("run", words)
    given: dict[str, Any] = dict(context.params)
    for other in ("runs_root", "as_json"):
        given.pop(other)
    return plan_from(given.pop("target"), given.pop("plan_file"), given)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"target": {"name": "raft", "bug": "stale-leader-reads"}},
        {"cluster": "docker", "nodes": 3, "concurrency": 7, "time": "20s", "timeout": "500ms", "settle": 0.25},
        {"workload": {"name": "register", "rate": 50, "keys": 3}},
        {"nemeses": ["partition", "kill"]},
        {"nemeses": [{"name": "partition", "interval": "2s"}, {"name": "kill", "interval": "2s"}]},
        {"expect": ["linearizable", {"availability": {"min": 0.5, "side": "majority"}}, {"not": "linearizable"}]},
    ],
)
def test_the_command_gives_the_plan_again(fields: dict[str, Any]) -> None:
    plan = Plan.build({"target": "raft", "seed": 7, **fields})
    words = shlex.split(command(plan))
    assert words[:2] == ["splitbrain", "run"]
    again = parsed(words[2:])
    assert again.model_dump() == plan.model_dump()


@pytest.mark.parametrize(
    "fields",
    [
        {"target": {"name": "raft", "election_ms": 500}},
        {"nemeses": [{"name": "partition", "interval": "2s"}, "kill"]},
        {"nemeses": [{"name": "partition", "grudges": ["ring"]}]},
        {"workload": {"name": "register", "mix": {"read": 1}}},
    ],
)
def test_what_no_flag_can_say_is_left_to_the_plan(fields: dict[str, Any]) -> None:
    plan = Plan.build({"target": "raft", "seed": 7, **fields})
    assert "--plan plan.yaml" in command(plan)
