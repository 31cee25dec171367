"""Histories: access, selections, problems, pandas and arrow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from harness._core import Recorder
from harness.errors import HistoryError
from harness.history import History
from harness.operation import NEMESIS, PHASE, Operation, Type
from tests.corpus import Case, cases, require


def small() -> History:
    """A write, a read that stays open, a phase mark and a nemesis's pair."""
    recorder = Recorder()
    write = recorder.invoke(10, 0, "write", "a", 1, "n1")
    recorder.event(11, NEMESIS, Type.INFO, PHASE, None, "load")
    recorder.invoke(12, 1, "read", 7, None, "n2")
    kill = recorder.invoke(13, NEMESIS, "start-kill", None, {"fault": "kill-1"})
    recorder.complete(write, 14, Type.OK, 1)
    recorder.complete(kill, 15, Type.INFO, {"fault": "kill-1"}, ["indeterminate", None])
    recorder.close()
    return History(recorder.history())


def test_rows_are_operations() -> None:
    history = small()
    assert len(history) == 6
    assert history[0] == Operation("write", "a", 1, 0, Type.INVOKE, 10, "n1", None, 0)
    assert history[-1] == Operation(
        "start-kill", None, {"fault": "kill-1"}, -1, Type.INFO, 15, None, ["indeterminate", None], 5
    )
    assert history[2].key == "7", "keys are text"
    assert type(history[4].type) is Type
    assert [history[row] for row in range(len(history))] == list(history)
    for row in (6, -7):
        with pytest.raises(IndexError):
            history[row]


def test_pairs_leave_out_marks() -> None:
    pairs = [(invoked.index, completed and completed.index) for invoked, completed in small().pairs()]
    assert pairs == [(0, 4), (2, None), (3, 5)]
    assert [small().completion(row) for row in range(6)] == [4, None, None, 5, None, None]
    assert [small().invocation(row) for row in range(6)] == [None, None, None, None, 0, 3]


def test_columns_are_buffers() -> None:
    history = small()
    assert list(history.types()) == [0, 3, 0, 0, 1, 3]
    assert list(history.column("time")) == [10, 11, 12, 13, 14, 15]
    assert np.asarray(history.column("completion")).dtype == np.int64
    assert list(history.column("completion")) == [4, -1, -1, 5, -1, -1]
    assert history.column("process").readonly
    with pytest.raises(ValueError, match='no column of numbers "f"'):
        history.column("f")


def test_a_buffer_outlives_its_history() -> None:
    column = np.asarray(small().column("time"))
    assert column.sum() == 75


def test_keys_and_selections() -> None:
    history = small()
    assert history.keys() == ["a", "7"]
    assert [op.index for op in history.for_key("a")] == [0, 4]
    assert len(history.for_key("none")) == 0
    selection = history.select([0, 3, 5])
    assert [op.index for op in selection] == list(selection.column("index")) == [0, 3, 5]
    assert selection.completion(1) == 2
    assert selection.completion(0) is None
    assert [op.index for op in selection.select([2])] == [5]
    for rows in ([1, 0], [0, 0], [6]):
        with pytest.raises(ValueError, match="select"):
            history.select(rows)


def test_pandas(tmp_path: Path) -> None:
    history = small()
    frame = history.to_pandas()
    assert list(frame.columns) == ["time", "process", "type", "f", "key", "value", "node", "error"]
    assert frame.index.name == "index"
    assert list(frame["type"]) == ["invoke", "info", "invoke", "invoke", "ok", "info"]
    assert list(frame["key"].dropna()) == ["a", "7", "a"]
    assert list(frame["value"]) == [op.value for op in history]
    assert list(frame["error"]) == [op.error for op in history]
    assert frame[frame["f"] == "write"]["time"].tolist() == [10, 14]
    assert list(history.select([3, 5]).to_pandas().index) == [3, 5]
    assert History(Recorder().history()).to_pandas().empty


def test_arrow_reads_the_columns_without_a_copy(tmp_path: Path) -> None:
    history = small()
    table = pa.RecordBatchReader.from_stream(history).read_all()
    assert table.schema.names == ["time", "process", "type", "f", "key", "value", "node", "error"]
    assert [None if text is None else json.loads(text) for text in table["value"].to_pylist()] == [
        op.value for op in history
    ]
    ours = np.asarray(history.column("time")).__array_interface__["data"][0]
    theirs = table["time"].chunk(0).buffers()[1].address
    assert ours == theirs
    with pa.OSFile(str(tmp_path / "theirs.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    assert list(History.read(tmp_path / "theirs.arrow")) == list(history)


def test_arrow_reads_our_files(tmp_path: Path) -> None:
    history = small()
    history.write(tmp_path / "history.arrow", "arrow")
    with pa.OSFile(str(tmp_path / "history.arrow")) as file:
        table = pa.ipc.open_stream(file).read_all()
    assert table["f"].to_pylist() == [op.f for op in history]
    table.validate(full=True)


def test_problems_of_a_file_name_its_line(tmp_path: Path) -> None:
    path = tmp_path / "history.edn"
    path.write_text("{:process 0, :type :invoke, :f :read}\n\n{:process 0, :type :invoke, :f :read}\n")
    with pytest.raises(HistoryError, match=r"history\.edn:3: event 1: process 0 invokes \"read\" while .* event 0"):
        History.read(path)
    [problem] = History.read(path, lenient=True).problems()
    assert (problem.event, problem.line, problem.fatal) == (1, 3, True)


def test_times_that_go_back_are_told_and_read(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    event = '{{"process":{},"type":"invoke","f":"read","time":{}}}\n'
    path.write_text(event.format(0, 7) + event.format(1, 5))
    [problem] = History.read(path).problems()
    assert (problem.event, problem.line, problem.fatal) == (1, 2, False)
    assert "5 ns after 7 ns" in problem.message


@pytest.mark.parametrize("case", cases("awdit", "etcd-register", "kv", "knossos-cas-register", "txn"))
def test_corpus(case: Case, tmp_path: Path) -> None:
    """Every file is read whole, every completion has its invocation, and every format keeps what it says."""
    history = History.read(case.path)
    assert len(history) > 2
    assert not history.truncated
    assert not any(problem.fatal for problem in history.problems())
    assert all(op.process is not None and op.process >= -1 for op in history)
    for format in ("arrow", "jsonl", "edn"):
        history.write(tmp_path / "again", format)
        again = History.read(tmp_path / "again")
        assert list(again) == list(history)
        assert again.has_times == history.has_times


def test_corpus_values() -> None:
    log = History.read(require("etcd-register") / "etcd_002.log")
    assert not log.has_times
    assert {(op.value, op.error) for op in log if op.type is Type.INFO} == {(None, "timed-out")}
    kv = History.read(require("kv") / "c10-ok.txt")
    assert set(kv.keys()) == {str(key) for key in range(10)}
    txn = History.read(require("txn") / "la-G-single.edn")
    assert txn.has_times
    assert txn[0].value == [["append", 1, 1], ["append", 2, 1]]
    assert next(txn.text("edn"), b"") == b""
    assert b":f :txn, :value [[:append 1 1] [:append 2 1]]" in b"".join(txn.text("edn"))
