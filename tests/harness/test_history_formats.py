"""History files: trips through every format, and files that are none."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness._core import Recorder
from harness.errors import HistoryError
from harness.history import History
from harness.operation import Operation, Type

texts = st.text(st.characters(codec=None, exclude_categories=())) | st.sampled_from(
    ["append", "r", "w", "nil", ":a", "1"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["read", "append", "-a", "1"])


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Processes that invoke, complete or crash in any order, with anything as names and values."""
    recorder = Recorder()
    time, crashed = 0, 0
    open_: dict[int, int] = {}
    for _ in range(draw(st.integers(0, 12))):
        time += draw(st.integers(0, 2**40))
        worker = draw(st.integers(-1, 3))
        if worker in open_:
            type_ = draw(st.sampled_from([Type.OK, Type.FAIL, Type.INFO]))
            recorder.complete(open_.pop(worker), time, type_, draw(values), draw(values))
            crashed += type_ is Type.INFO
        else:
            process = worker if worker < 0 else worker + 4 * crashed
            f, key, node = draw(names), draw(st.none() | names | st.integers()), draw(st.none() | names)
            open_[worker] = recorder.invoke(time, process, f, key, draw(values), node)
    recorder.close()
    return History(recorder.history())


def same(one: Any, other: Any) -> bool:
    """Equal, and of equal types all the way down: 1 is not 1.0, and 0.0 is not -0.0."""
    return repr(one) == repr(other)


@given(histories(), st.sampled_from(["arrow", "jsonl", "edn"]))
@settings(max_examples=300, deadline=None)
def test_a_history_survives_every_format(history: History, format: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history"
        history.write(path, format)
        if format != "arrow":
            assert b"".join(history.text(format)) == path.read_bytes()
        again = History.read(path, format)
        assert same(list(again), list(history))
        assert list(again.column("completion")) == list(history.column("completion"))
        if len(history):
            assert same(list(History.read(path)), list(history)), "and its content says what it is"


@given(values)
@settings(max_examples=300, deadline=None)
def test_values_are_canonical(value: Any) -> None:
    """Equal values have equal text, whichever way they came in."""
    recorder = Recorder()
    recorder.invoke(0, 0, "write", None, value)
    history = History(recorder.history())
    codes, recorded = history.core.codes("value")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        for ascii_only in (True, False):
            event = {"process": 0, "type": "invoke", "f": "write", "value": value}
            path.write_bytes(json.dumps(event, ensure_ascii=ascii_only).encode("utf-8", "backslashreplace") + b"\n")
            assert History.read(path).core.codes("value")[1] == recorded
    assert len(codes) == 1


def test_csv_is_for_spreadsheets() -> None:
    recorder = Recorder()
    recorder.invoke(5, 0, 'a,"b"\n', "", {"x": [1, "y"]}, None)
    recorder.event(6, -1, Type.INFO, "phase", None, "load")
    text = b"".join(History(recorder.history()).text("csv")).decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows == [
        ["index", "time", "process", "type", "f", "key", "value", "node", "error"],
        ["0", "5", "0", "invoke", 'a,"b"\n', "", '{"x":[1,"y"]}', "", ""],
        ["1", "6", "-1", "info", "phase", "", '"load"', "", ""],
    ]


def test_json_lines_leave_out_what_is_absent() -> None:
    recorder = Recorder()
    write = recorder.invoke(0, 0, "write", 3, 5, "n1")
    recorder.complete(write, 9, Type.INFO, None, "timeout")
    lines = b"".join(History(recorder.history()).text("jsonl")).splitlines()
    assert lines == [
        b'{"index":0,"time":0,"process":0,"type":"invoke","f":"write","key":"3","value":5,"node":"n1"}',
        b'{"index":1,"time":9,"process":0,"type":"info","f":"write","key":"3","node":"n1","error":"timeout"}',
    ]


def recorded(path: Path, events: int = 4) -> bytes:
    """A closed file with a batch per operation."""
    with Recorder(path) as recorder:
        for number in range(events // 2):
            recorder.complete(recorder.invoke(number, 0, "write", "k", number, "n1"), number, Type.OK, number)
            recorder.flush()
    return path.read_bytes()


@pytest.mark.parametrize("format", ["arrow", "jsonl", "edn"])
def test_cut_off_at_every_byte(tmp_path: Path, format: str) -> None:
    """What is left of a file is read up to its last whole batch or event, and the cut is told."""
    whole = recorded(tmp_path / "whole.arrow")
    history = History.read(tmp_path / "whole.arrow")
    if format != "arrow":
        whole = b"".join(history.text(format))
    part = tmp_path / "part"
    part.write_bytes(whole)
    lengths = []
    for length in reversed(range(1, len(whole))):
        os.truncate(part, length)
        try:
            read = History.read(part, format)
        except HistoryError as error:
            assert format == "arrow", error
            assert "ends before its schema" in str(error)
            continue
        assert list(read) == list(history)[: len(read)]
        boundary = (
            length in {len(whole[:length].rstrip()), len(whole[:length].rstrip()) + 1}
            and whole[length - 1 :][:1] in b"}\n"
        )
        assert read.truncated or (format != "arrow" and boundary), length
        lengths.append(len(read))
    assert lengths == sorted(lengths, reverse=True)
    assert set(lengths) == ({0, 2, 4} if format == "arrow" else set(range(5)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02garbage", "not a history: it begins with"),
        (b"<html>no</html>", "not a history: it begins with `<html>no</html>`"),
        (b"\xff\xff\xff\xffgarbage and more of it", "damaged|before its schema"),
        (b"PAR1 and so on", "Parquet"),
        (b'{"process":0,"type":"invoke","f":"r"}\n{"process":0,"type":"okay","f":"r"}\n', ":2: expected a type"),
        (b"{:process 0, :type :invoke}", ":1: an event without an f"),
        (b"[1 2 3]", ":1: expected a map"),
        (b"INFO  nothing of interest\n", "no line of the log is an event"),
        (b'{"process":0,"type":"ok","f":"r"}\n', ":1: event 0: process 0 completes"),
    ],
)
def test_files_that_are_no_history(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=message) as caught:
        History.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="No such file"):
        History.read(tmp_path / "absent")
    with pytest.raises(HistoryError, match="Is a directory"):
        History.read(tmp_path)


def test_formats_that_do_not_exist(tmp_path: Path) -> None:
    recorded(tmp_path / "history.arrow")
    history = History.read(tmp_path / "history.arrow")
    with pytest.raises(ValueError, match='"xml"'):
        History.read(tmp_path / "history.arrow", "xml")
    with pytest.raises(ValueError, match='"xml"'):
        history.write(tmp_path / "out", "xml")
    with pytest.raises(ValueError, match='"arrow"'):
        next(history.text("arrow"))


def test_foreign_arrow_files_are_checked(tmp_path: Path) -> None:
    import pyarrow as pa

    path = tmp_path / "theirs.arrow"

    def write(**columns: Any) -> None:
        given = {
            "time": pa.array([0], pa.int64()),
            "process": pa.array([0], pa.int64()),
            "type": pa.array([0], pa.uint8()),
            "f": pa.array(["r"]),
        } | columns
        table = pa.table({name: column for name, column in given.items() if column is not None})
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)

    write(value=pa.array([' {"a" : 1.50} ']), extra=pa.array([b"x"]), other=pa.array([1.5]))
    assert list(History.read(path)) == [Operation("r", None, {"a": 1.5}, 0, Type.INVOKE, 0, index=0)]
    for columns, message in (
        ({"value": pa.array(["{"])}, "the value of event 0 is not JSON"),
        ({"type": pa.array([7], pa.uint8())}, "event 0 has type 7"),
        ({"type": pa.array([0], pa.int64())}, '"type".* expected uint8'),
        ({"f": None}, "no column .?f"),
        ({"f": pa.array([None], pa.string())}, "has nulls"),
        ({"f": pa.array(["r"]).dictionary_encode()}, "expected utf8"),
        ({"extra": pa.array([[1]])}, "nested"),
    ):
        write(**columns)
        with pytest.raises(HistoryError, match=message):
            History.read(path)
