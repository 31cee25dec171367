"""Records: what is written is read back, whatever was cut off, and nothing that is in a file does harm."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.campaign.record import FILE, FOLDER, LINE_BYTES_MAX, Record, Recorder
from harness.errors import RecordingError, UsageError
from tests.harness.campaign.runs import ERROR, FAIL, ran

HEAD = b'{"format":1,"campaign":"x"}\n'
CALL = {"call": {"at_s": 1.0, "targets": ["raft"], "from_seed": 3, "bounds": {"nodes": 5}}}


def line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def file(root: Path) -> Path:
    return root / FOLDER / "x" / FILE


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    runs = [ran(3), ran(4, FAIL), ran(5, ERROR, limits={"lim\nit": True}, problem="é" * 10)]
    with Recorder(tmp_path, "x") as recorder:
        recorder.append(CALL)
        for run in runs:
            recorder.append({"run": run.to_json()})
        assert recorder.read().runs == tuple(runs)
    with Recorder(tmp_path, "x") as recorder:
        recorder.append(CALL)
        recorder.append({"run": ran(6).to_json()})
        record = recorder.read()
    assert record.runs == (*runs, ran(6, call=1))
    assert [call.bounds for call in record.calls] == [{"nodes": 5}, {"nodes": 5}]
    assert record.torn == 0


@pytest.mark.parametrize("cut", [1, 40, -2])
def test_a_line_cut_off_in_the_middle_costs_that_run_alone(tmp_path: Path, cut: int) -> None:
    with Recorder(tmp_path, "x") as recorder:
        recorder.append(CALL)
        recorder.append({"run": ran(3).to_json()})
    lost = line({"run": ran(4).to_json()})[:cut]
    with file(tmp_path).open("ab") as record:
        record.write(lost)
    with Recorder(tmp_path, "x") as recorder:
        assert list(islice(recorder.read().seeds(), 2)) == [4, 5]
        recorder.append({"run": ran(5).to_json()})
        record_now = recorder.read()
    assert [run.seed for run in record_now.runs] == [3, 5]
    assert record_now.torn == 1
    assert list(islice(record_now.seeds(), 3)) == [4, 6, 7]  # what was lost is made up for


def test_one_killed_in_its_very_first_line_begins_anew(tmp_path: Path) -> None:
    file(tmp_path).parent.mkdir(parents=True)
    file(tmp_path).write_bytes(HEAD[:9])
    with Recorder(tmp_path, "x") as recorder:
        assert recorder.read() == Record()
    assert file(tmp_path).read_bytes() == HEAD


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"notes\n", "is no record of a campaign"),
        (b"notes", "is no record of a campaign"),
        (b"[" * 100_000, "is no record of a campaign"),
        (b'{"format":2,"campaign":"x"}\n', "has format 2, and this splitbrain reads 1"),
    ],
)
def test_a_file_that_is_none_is_left_as_it_is(tmp_path: Path, content: bytes, told: str) -> None:
    file(tmp_path).parent.mkdir(parents=True)
    file(tmp_path).write_bytes(content)
    with pytest.raises(UsageError, match=told), Recorder(tmp_path, "x"):
        pass
    assert file(tmp_path).read_bytes() == content


def test_nobody_else_writes_meanwhile(tmp_path: Path) -> None:
    with Recorder(tmp_path, "x"):
        with pytest.raises(UsageError, match="goes on already"), Recorder(tmp_path, "x"):
            pass
        with Recorder(tmp_path, "y"):
            pass
    with Recorder(tmp_path, "x"):
        pass


def test_a_folder_in_its_place_is_a_recording_error(tmp_path: Path) -> None:
    file(tmp_path).mkdir(parents=True)
    with pytest.raises(RecordingError, match="cannot write"), Recorder(tmp_path, "x"):
        pass


def test_where_to_go_on() -> None:
    calls = Record.read([HEAD, line(CALL)], "f").calls
    assert next(Record().seeds()) == 1
    assert next(Record(calls).seeds()) == 3
    record = Record(calls, (ran(1), ran(3), ran(5)))
    assert list(islice(record.seeds(), 3)) == [4, 6, 7]
    assert list(islice(record.seeds(5), 2)) == [6, 7]


def test_a_line_of_more_than_any_run_is_passed_over() -> None:
    long = replace(ran(2), problem="x" * LINE_BYTES_MAX)
    record = Record.read([HEAD, line({"run": ran(1).to_json()}), line({"run": long.to_json()})[:LINE_BYTES_MAX]], "f")
    assert ([run.seed for run in record.runs], record.torn) == ([1], 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(ran().to_json())), JSON)
def test_no_value_of_any_field_does_harm(name: str, value: Any) -> None:
    record = Record.read([HEAD, line({"run": {**ran().to_json(), name: value}})], "f")
    assert len(record.runs) + record.torn == 1
    for run in record.runs:
        json.dumps(run.to_json()).encode()


@given(st.lists(st.binary(max_size=40)))
def test_nor_do_lines_that_are_none(lines: list[bytes]) -> None:
    assert Record.read([HEAD, *lines], "f").runs == ()
