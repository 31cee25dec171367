"""The recorder: what it takes, what it refuses, and what is left when it dies."""

from __future__ import annotations

import errno
import math
import os
import signal
import subprocess
import sys
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from harness._core import Recorder
from harness.history import History
from harness.operation import Type

ROOT = Path(__file__).resolve().parents[2]


def value_of(value: Any) -> Any:
    """The value after a trip through the columns."""
    recorder = Recorder()
    recorder.invoke(0, 0, "write", None, value)
    return History(recorder.history())[0].value


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (-(2**63), -(2**63)),
        (2**200, 2**200),
        (1.0, 1.0),
        (-0.0, -0.0),
        (5e-324, 5e-324),
        (1e22, 1e22),
        ("", ""),
        ('quote " back \\ slash / nul \0 newline \n', 'quote " back \\ slash / nul \0 newline \n'),
        ("\U0001f600 é", "\U0001f600 é"),
        ("lost \udc80 byte", "lost \udc80 byte"),
        ((1, (2,)), [1, [2]]),
        ({1: {"a": None}, "b": []}, {"1": {"a": None}, "b": []}),
        (OrderedDict(z=1, a=2), {"z": 1, "a": 2}),
        (Type.OK, 1),
    ],
)
def test_values(value: Any, kept: Any) -> None:
    assert repr(value_of(value)) == repr(kept)


def recursive() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (math.nan, ValueError, "NaN cannot be recorded"),
        ([math.inf], ValueError, "inf cannot be recorded"),
        ({1, 2}, TypeError, "type set cannot be recorded"),
        (b"bytes", TypeError, "type bytes"),
        (object(), TypeError, "type object"),
        ({None: 1}, TypeError, "key of type NoneType"),
        ({True: 1}, TypeError, "key of type bool"),
        (recursive(), ValueError, "nested deeper than"),
    ],
)
def test_refused_values_leave_nothing_behind(value: Any, error: type[Exception], message: str) -> None:
    recorder = Recorder()
    with pytest.raises(error, match=message):
        recorder.invoke(0, 0, "write", None, [1, value])
    assert len(recorder) == 0
    write = recorder.invoke(0, 0, "write", None, 1)
    with pytest.raises(error, match=message):
        recorder.complete(write, 1, Type.OK, 1, [value])
    assert len(recorder) == 1
    recorder.complete(write, 1, Type.OK, 1)
    assert [op.value for op in History(recorder.history())] == [1, 1]


def test_misuse_is_refused() -> None:
    recorder = Recorder()
    write = recorder.invoke(0, 0, "write", "k", 1)
    with pytest.raises(ValueError, match="no type 4"):
        recorder.complete(write, 1, 4)
    with pytest.raises(ValueError, match="completes nothing"):
        recorder.complete(write, 1, Type.INVOKE)
    with pytest.raises(TypeError, match="key of type float"):
        recorder.invoke(0, 1, "write", 1.5)  # type: ignore[arg-type]  # the very thing refused
    ok = recorder.complete(write, 1, Type.OK)
    for index, message in ((write, "has been completed"), (ok, "is no invocation"), (99, "is no invocation")):
        with pytest.raises(ValueError, match=message):
            recorder.complete(index, 2, Type.OK)
    recorder.close()
    recorder.close()
    with pytest.raises(ValueError, match="closed"):
        recorder.invoke(0, 0, "write")
    assert len(recorder) == 2
    assert recorder.history() is recorder.history()


def test_a_history_while_recording_is_a_snapshot() -> None:
    recorder = Recorder()
    write = recorder.invoke(0, 0, "write")
    before = History(recorder.history())
    recorder.complete(write, 1, Type.OK)
    assert (len(before), before.completion(0), len(recorder)) == (1, None, 2)


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "history.arrow"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        Recorder(path)
    assert path.read_text() == "precious"


def test_files_are_equal_for_equal_events(tmp_path: Path) -> None:
    for name in ("one", "other"):
        with Recorder(tmp_path / name) as recorder:
            for number in range(100):
                write = recorder.invoke(number, number, "write", number % 3, {"n": number}, "n1")
                recorder.complete(write, number, Type.INFO, None, "timeout")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_threads_may_record_at_once(tmp_path: Path) -> None:
    """Also across the flushes that happen by themselves, which let go of the interpreter."""
    rounds, threads = 20_000, 4
    with Recorder(tmp_path / "history.arrow") as recorder:

        def work(process: int) -> None:
            for number in range(rounds):
                recorder.complete(recorder.invoke(0, process, "w", process, number), 0, Type.OK, number)

        workers = [threading.Thread(target=work, args=(process,)) for process in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    history = History.read(tmp_path / "history.arrow")
    assert len(history) == 2 * rounds * threads
    for process in range(threads):
        mine = history.for_key(str(process))
        assert [op.value for op in mine] == [number for number in range(rounds) for _ in range(2)]


RECORD_FOR_EVER = """
import sys
from harness._core import Recorder
recorder = Recorder(sys.argv[1])
number = 0
while True:
    recorder.complete(recorder.invoke(number, 0, "write", "k", number), number, 1, number)
    number += 1
    if number % 500 == 0:
        recorder.flush()
        print(number, flush=True)
"""


def test_a_killed_process_leaves_what_it_flushed(tmp_path: Path) -> None:
    path = tmp_path / "history.arrow"
    with subprocess.Popen([sys.executable, "-c", RECORD_FOR_EVER, path], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        flushed = [int(process.stdout.readline()) for _ in range(20)][-1]
        process.send_signal(signal.SIGKILL)
    history = History.read(path)
    assert history.truncated
    assert len(history) >= 2 * flushed
    assert len(history) % 1000 == 0
    assert not history.problems()


RECORD_TO_THE_LIMIT = """
import errno, resource, signal, sys
from harness._core import Recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
recorder = Recorder(sys.argv[1])
number = 0
try:
    while True:
        write = recorder.invoke(number, 0, "write", "k", number)
        recorder.complete(write, number, 1, number)
        number += 1
        if sys.argv[2] == "flush" and number % 500 == 0:
            recorder.flush()
except OSError as error:
    assert error.errno == errno.EFBIG, error
    refused = len(recorder)
else:
    raise AssertionError("the limit was never met")
try:
    recorder.close()
except OSError as error:
    assert error.errno == errno.EFBIG, error
print(refused, len(recorder), flush=True)
if sys.argv[3] == "room":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    recorder.close()
"""


@pytest.mark.parametrize("flush", ["flush", "by-itself"])
@pytest.mark.parametrize("then", ["full", "room"])
def test_a_full_disk_is_an_error_and_keeps_what_was_written(tmp_path: Path, flush: str, then: str) -> None:
    """A limit on the file's size stands for the disk; the kernel refuses both in the same way."""
    path = tmp_path / "history.arrow"
    command = [sys.executable, "-c", RECORD_TO_THE_LIMIT, str(path), flush, then]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    refused, recorded = (int(word) for word in ran.stdout.split())
    assert recorded == refused, "an event whose flush failed is kept in memory"
    history = History.read(path)
    if then == "room":
        assert (len(history), history.truncated) == (recorded, False)
    else:
        assert history.truncated
        assert path.stat().st_size <= 100_000
        assert (len(history) > 0) == (flush == "flush")
        assert len(history) < recorded
    assert not history.problems()


def test_a_path_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
        Recorder(tmp_path / "no" / "such" / "folder")
