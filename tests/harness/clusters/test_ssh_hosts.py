"""Machines as a user writes them, and the secrets that are kept out of everything a run leaves."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.ssh import hosts
from harness.clusters.ssh.hosts import Host, Settings
from harness.errors import PlanError, UsageError
from harness.experiment import resolve
from harness.plan import Plan


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("db1", Host("db1")),
        ("root@db1", Host("db1", "root")),
        ("ops@db1.example.org:2222", Host("db1.example.org", "ops", 2222)),
        ("ops@198.18.0.1:22", Host("198.18.0.1", "ops", 22)),
        ("ops@[2001:db8::1]:2222", Host("2001:db8::1", "ops", 2222)),
    ],
)
def test_a_machine_is_user_at_host_and_port(text: str, host: Host) -> None:
    assert Host.parse(text) == host
    assert Host.parse(str(host)) == host


@pytest.mark.parametrize(
    "text", ["", "@db1", "db1:", "db1:0", "db1:99999", "-oProxyCommand=x", "a b", "db1;ls", "é", 7]
)
def test_what_is_no_machine_is_refused(text: object) -> None:
    with pytest.raises(UsageError):
        Host.parse(text)


@given(st.text(max_size=30))
def test_whatever_is_written_is_a_machine_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        assert str(Host.parse(text))


@pytest.mark.parametrize(
    "options",
    [
        {"hosts": ["ops:hunter2@db1"]},
        {"hosts": ["ops@db1"], "password": "hunter2"},
        {"hosts": ["ops@db1"], "passphrase": "hunter2"},
        {"hosts": ["ops@db1"], "key": "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2"},
        {"hosts": ["ops@db1"], "sudo": "hunter2"},
        {"hosts": [{"ops": "hunter2"}]},
    ],
)
def test_a_secret_in_a_plan_is_refused_before_the_run_has_a_folder_and_not_repeated(options: dict[str, object]) -> None:
    """`resolve` comes before anything is written, see `harness.run.execute`."""
    plan = Plan.build({"target": "raft", "nodes": 1, "cluster": {"ssh": options}})
    with pytest.raises(UsageError) as refused:
        resolve(plan)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "needs machines"),
        ({"hosts": ["a", "a"]}, "named twice"),
        ({"hosts": ["a", "b"], "addresses": ["198.18.0.1"]}, "each of the 2 machines"),
        ({"hosts": ["a"], "host_keys": "ignore"}, "'known' .* or 'accept-new'"),
        ({"hosts": ["a"], "key": 7}, "the path of a file"),
        ({"hosts": ["a"], "lease": "10ms"}, "at least 1s"),
        ({"hosts": 7}, "is a list"),
        ({"hosts": ["a"], "colour": "red"}, "no option 'colour': it takes hosts, addresses"),
    ],
)
def test_an_option_that_makes_no_sense_is_told(options: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Settings.of(options)


def test_a_plan_has_as_many_nodes_as_machines() -> None:
    assert Plan.build({"target": "raft", "cluster": {"ssh": {"hosts": ["a", "b", "c"]}}}).nodes == 3
    with pytest.raises(UsageError, match="3 machines are named for 5 nodes"):
        resolve(Plan.build({"target": "raft", "nodes": 5, "cluster": {"ssh": {"hosts": ["a", "b", "c"]}}}))


def test_a_file_of_machines(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("# ours\nops@db1:22 198.18.0.1\n\nops@db2 198.18.0.2  # the other\n")
    assert hosts.read(file) == {"hosts": ["ops@db1:22", "ops@db2"], "addresses": ["198.18.0.1", "198.18.0.2"]}
    file.write_text("ops@db1\n")
    assert hosts.read(file) == {"hosts": ["ops@db1"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\nops:hunter2@b\n", r":2: .*without a password"),
        ("a b c\n", r":1: a line is a machine"),
        ("a 198.18.0.1\nb\n", "some machines have an address"),
    ],
)
def test_a_file_with_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "hosts"
    file.write_text(text)
    with pytest.raises(PlanError, match=says) as refused:
        hosts.read(file)
    assert "hunter2" not in str(refused.value)


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("hosts") / "hosts"
    file.write_bytes(data)
    with suppress(PlanError):
        hosts.read(file)
