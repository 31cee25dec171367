"""Processes for independent tasks: every task has an answer, and nothing is left."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.parallel import Lost, Task, perform

ROOT = Path(__file__).parents[2]


def doubled(number: int) -> int:
    return 2 * number


def whereabouts() -> tuple[int, str]:
    """The process, and a temporary file that it leaves lying about."""
    _, name = tempfile.mkstemp()
    return os.getpid(), name


def raises(words: str) -> None:
    raise ZeroDivisionError(words)


def dies(number: int) -> None:
    os.kill(os.getpid(), number)


def leaves(code: int) -> None:
    sys.exit(code)


def says(text: str) -> str:
    logging.getLogger("splitbrain").warning("a mere remark")
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
    return text


def stays(seconds: float, mark: str) -> None:
    """Writes temporary files for so long, the first of them at once."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        Path(tempfile.mkdtemp(), mark).write_text(str(os.getpid()))
        time.sleep(0.01)


def test_every_task_has_its_answer() -> None:
    answers = perform((Task(str(n), doubled, (n,)) for n in range(20)), 3)
    assert sorted(answers) == [2 * n for n in range(20)]


def test_nothing_to_do_is_done_at_once() -> None:
    assert list(perform([], 3)) == []


def test_a_worker_does_one_task_after_another_and_leaves_no_file() -> None:
    seen = list(perform([Task("where", whereabouts)] * 4, 1))
    assert len({pid for pid, _ in seen}) == 1
    assert not alive(seen[0][0])
    assert not any(Path(name).exists() or Path(name).parent.exists() for _, name in seen)


def test_what_a_task_raises_is_told_and_the_rest_goes_on() -> None:
    answers = list(perform([Task("bad", raises, ("by nothing",)), Task("good", doubled, (4,))], 1))
    assert answers[1] == 8
    lost = answers[0]
    assert (lost.name, lost.why) == ("bad", "it raised ZeroDivisionError: by nothing")
    assert "in raises" in lost.traceback


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (Task("killed", dies, (signal.SIGKILL,)), "its process was ended by SIGKILL"),
        (Task("left", leaves, (3,)), "its process ended with exit code 3"),
    ],
    ids=["signal", "exit"],
)
def test_a_process_that_ends_is_told_with_its_task_and_replaced(task: Task, why: str) -> None:
    answers = list(perform([task, Task("good", doubled, (4,))], 1))
    assert answers == [Lost(task.name, why), 8]


def test_processes_that_keep_ending_are_no_accident() -> None:
    with pytest.raises(HarnessError, match=r"6 worker processes died, the last in left: .* exit code 3"):
        list(perform([Task("left", leaves, (3,))] * 20, 2))


def test_what_a_task_prints_is_no_answer_and_what_it_remarks_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(perform([Task("loud", says, ("hear, hear",))], 1)) == ["hear, hear"]
    out, err = capfd.readouterr()
    assert (out, err) == ("", "hear, hear\n")


def test_one_that_is_closed_leaves_nothing() -> None:
    going = perform([Task("where", whereabouts), Task("long", stays, (60, "mark"))], 1)
    pid, name = next(going)
    began = time.monotonic()
    going.close()
    assert time.monotonic() - began < 5
    assert not alive(pid)
    assert not Path(name).parent.exists()


def test_workers_of_a_killed_controller_end_and_clear_up(tmp_path: Path) -> None:
    code = (
        "from harness.parallel import Task, perform\n"
        "from tests.harness.test_perform import stays\n"
        "list(perform([Task('long', stays, (60, 'mark'))] * 2, 2))\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    controller = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        pids = set()
        until = time.monotonic() + 60
        while len(pids) < 2 and time.monotonic() < until:
            pids = {int(text) for file in tmp_path.glob("*/*/mark") if (text := file.read_text())}
            time.sleep(0.05)
        assert len(pids) == 2, "both work"
    finally:
        controller.kill()
        controller.wait()
    until = time.monotonic() + 20
    while (any(map(alive, pids)) or any(tmp_path.iterdir())) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in pids if alive(pid)] == []
    assert list(tmp_path.iterdir()) == []


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
