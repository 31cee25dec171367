from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from harness.clusters.linux.programs import programs
from harness.errors import UsageError
from harness.target import CommandService, Daemon, NodeService

ADDRESSES = {"n1": "198.18.0.10", "n2": "198.18.0.11"}


def of(*daemons: Daemon) -> list[Daemon]:
    def given(node: str, addresses: Mapping[str, str], data: str) -> list[Daemon]:
        assert (node, addresses, data) == ("n2", ADDRESSES, "/data")
        return list(daemons)

    return programs(CommandService(given, (), ()), "n2", ADDRESSES, data="/data", python="python3")


def test_a_store_on_the_node_runtime_is_one_program() -> None:
    service = NodeService("some.store:Store", options={"x": "a b"})
    [program] = programs(service, "n2", ADDRESSES, data="/data", python="/usr/bin/python3")
    assert program.port == 7000
    assert program.argv[:4] == ("/usr/bin/python3", "-m", "harness.node", "some.store:Store")
    options = dict(zip(program.argv[4::2], program.argv[5::2], strict=True))
    assert options.pop("--options") == json.dumps({"x": "a b"})
    assert options == {
        "--name": "n2",
        "--listen": "198.18.0.11:7000",
        "--peers": "n1=198.18.0.10:7000,n2=198.18.0.11:7000",
        "--data": "/data",
    }


def test_programs_start_in_the_order_they_are_given() -> None:
    first, second = Daemon("store", ("store",), 1, files={"a/b.conf": "x"}), Daemon("watch-er_2", ("watch",), 2)
    assert of(first, second) == [first, second]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a\n", "\x1b[31m"])
def test_a_programs_name_is_that_of_its_log(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be called"):
        of(Daemon(name, ("store",), 1))


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "a\0b"])
def test_files_stay_below_the_data_directory(path: str) -> None:
    with pytest.raises(UsageError, match="no path below"):
        of(Daemon("store", ("store",), 1, files={path: "x"}))


def test_programs_that_cannot_be_told_apart_or_are_none_are_refused() -> None:
    with pytest.raises(UsageError, match="two programs of n2 have one name: a, a"):
        of(Daemon("a", ("x",), 1), Daemon("a", ("y",), 2))
    with pytest.raises(UsageError, match="runs nothing on n2"):
        of()
